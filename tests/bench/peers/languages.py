"""Peers of language identification: accuracy and CPU seconds of lingua, py3langid, resiliparse.

Reads {"texts", "codes", "peers", "model"}; prints, by peer, `right` (of all texts) and `seconds`.
`model` is the path of a fastText model, where one is at hand.
"""

import json
import sys
import time


def lingua(known):
    """Lingua with high accuracy, over the languages of the texts."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in known if len(code) == 2]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()

    def identify(text):
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else "und"

    return identify


def py3langid(known):
    """py3langid, over the languages of the texts that it has."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    had = [code for code in known if code in identifier.nb_classes]
    identifier.set_languages(had)
    return lambda text: identifier.classify(text)[0]


def resiliparse(known):
    """resiliparse's detect_fast."""
    from resiliparse.parse.lang import detect_fast

    return lambda text: detect_fast(text)[0]


def fasttext(path):
    """A fastText model, such as lid.176."""
    import fasttext as package

    model = package.load_model(path)
    return lambda text: model.predict(text.replace("\n", " "))[0][0].removeprefix("__label__")


def main():
    """Measures each peer."""
    given = json.load(sys.stdin)
    texts, codes = given["texts"], given["codes"]
    answer = {}
    for name in given["peers"]:
        makers = {"lingua": lingua, "py3langid": py3langid, "resiliparse": resiliparse}
        maker = makers.get(name)
        identify = maker(sorted(set(codes))) if maker else fasttext(given["model"])
        for text in texts[:: max(1, len(texts) // 200)]:  # models load when they are first asked
            identify(text)
        start = time.process_time()
        told = [identify(text) for text in texts]
        taken = time.process_time() - start
        right = sum(a == b for a, b in zip(told, codes))
        answer[name] = {"right": right, "seconds": taken}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
