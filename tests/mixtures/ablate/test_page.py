import html.parser
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import planted
import pytest

from castor.mixtures.ablate import analysis, claims, figure, page, result, spec, verdict

PROXY = {
    "parameters": 300_000, "parameters_without_embeddings": 120_000, "tokens_per_run": 60_000,
    "confirm_tokens": 60_000, "simulated_epochs": True, "short_slices": [],
}  # fmt: skip


def assembled(*, domains=4, runs=12, noise=0.003, gain=0.1, name="<Planted> & co", **proxy):
    swarm = planted.plant(domains=domains, runs=runs, noise=noise, seed=3)
    settings = spec.AblationSpec.model_validate(
        {"castor": 1, "name": name, "mixture": "m", "targets": ["held"], "seed": 1,
         "swarm": {"runs": runs, "tokens_per_run": "60k"}}
    )  # fmt: skip
    found = analysis.analyse(
        settings, swarm.runs, baseline=swarm.natural, natural=swarm.natural, caps={}
    )
    judged = None
    if gain is not None:
        wobble = np.random.default_rng(0).normal(0, 0.004, 6).tolist()
        judged = verdict.judge(
            [{"held": 2.5 + w, "other": 2 - w} for w in wobble[:3]],
            [{"held": 2.5 - gain + w, "other": 2 + w} for w in wobble[3:]],
            {"held": 1},
        )
    setting = result.Setting(
        {n: int(1e6 * w) for n, w in swarm.natural.items()}, swarm.natural, swarm.natural, {},
        1_000_000, {"names": ["late"], "before": True}, PROXY | proxy,
        {"held": {"tokens": 9_000, "bytes": 40_000}},
    )  # fmt: skip
    return result.assemble(settings, setting, found, swarm.runs, 1, judged)


@pytest.fixture(scope="module")
def whole():
    return assembled()


class Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.void = [], {"meta", "!doctype"}

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("src", "onload", "onclick"), (tag, name)
            assert not (name == "href" and value and value.startswith("http"))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_result_is_json_and_says_what_was_found(whole):
    assert json.loads(json.dumps(whole, allow_nan=False))["accepted"] is True
    assert sum(d["proposed"] for d in whole["domains"].values()) == pytest.approx(1)
    for d in whole["domains"].values():
        assert d["low"] <= d["proposed"] <= d["high"]
        assert d["epochs"] == pytest.approx(d["proposed"] * 1_000_000 / d["tokens"])
    assert whole["runs"][0]["name"] == "baseline"
    assert whole["runs"][1]["name"] == "uniform"
    assert whole["scores"]["best_run"] == min(r["score"] for r in whole["runs"])


def test_slopes_are_what_one_per_cent_more_of_a_domain_does(whole):
    swarm = planted.plant(domains=4, runs=12, noise=0.0, seed=3)
    law = swarm.truth.law["held"]
    for i, name in enumerate(swarm.names):
        moved = 0.99 * swarm.prior + 0.01 * np.eye(4)[i]
        effect = (law.predict(moved[None]) - law.predict(swarm.prior[None]))[0, 0] / 0.01
        assert whole["domains"][name]["slope"] == pytest.approx(effect, abs=0.08)


def test_the_page_is_whole_html_with_everything_escaped(whole):
    text = page.page(whole)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert "&lt;Planted&gt; &amp; co" in text
    assert "<Planted>" not in text
    assert "url(" not in text
    for name in whole["domains"]:
        assert name in text


def test_the_figure_is_an_svg_of_its_own(whole):
    root = ElementTree.fromstring(str(figure.figure(whole)))
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 2 * 4 + 12 + 6  # weights, runs, confirm runs
    style = root.find("{http://www.w3.org/2000/svg}style").text
    rules = [rule.split("{")[0].strip() for rule in style.split("}") if "{" in rule]
    assert all(rule.startswith(("svg.ablation", "@media")) for rule in rules)
    width = float(root.get("viewBox").split()[2])
    assert all(0 <= float(c.get("cx")) <= width for c in circles)


def test_without_confirm_runs_nothing_is_accepted_and_it_is_said():
    found = assembled(gain=None)
    assert not found["accepted"]
    assert "none were trained" in page.page(found)
    assert "That the proposal is better than the baseline" in found["claims"]["may_not"][0]


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (0.1, "The proposal beats the baseline by +0.10"),
        (-0.1, "The proposal is no better than the baseline: -0.099"),
        (0.001, "within 2 standard errors: +0.00"),
    ],
)
def test_the_verdict_says_why(gain, words):
    assert words in assembled(gain=gain)["verdict"]


@pytest.mark.parametrize(
    ("size", "may", "may_not"),
    [
        (120_000, "A direction: more of", "Real weights"),
        (3_000_000, "The order of mixtures for one target", "Weights for an average of many"),
        (20_000_000, "also for an average of many targets", None),
    ],
)
def test_what_may_be_claimed_goes_by_the_size_of_the_models(whole, size, may, may_not):
    proxy = whole["proxy"] | {"parameters_without_embeddings": size}
    said, unsaid = claims.claims(whole | {"proxy": proxy})
    assert any(may in s for s in said)
    assert may_not is None or any(may_not in s for s in unsaid)
    assert ("Real weights" in " ".join(unsaid)) == (size < 1e6)


def test_what_may_not_be_claimed_follows_from_the_run(whole):
    def unsaid(**changes):
        return " ".join(claims.claims({**whole, **changes})[1])

    proxy = whole["proxy"]
    assert "What late does after the earlier stages" in unsaid()
    assert "earlier stages" not in unsaid(stage={"names": ["all"], "before": False})
    assert "left-out runs were ranked with 0.41" in unsaid(rho=0.41)
    assert "repetition was not matched" in unsaid(proxy=proxy | {"simulated_epochs": False})
    assert "repetition in code" in unsaid(proxy=proxy | {"short_slices": ["code"]})
    assert "confirm runs are no larger" in unsaid()
    assert "no larger" not in unsaid(proxy=proxy | {"confirm_tokens": 10**6})
    assert "0.5 tokens per parameter" in unsaid()
    assert "runs for 4 domains are few" in unsaid(runs=whole["runs"][:7])


def test_a_direction_is_said_only_of_domains_whose_interval_leaves_the_baseline(whole):
    sure = {"baseline": 0.2, "proposed": 0.4, "low": 0.3, "high": 0.5}
    unsure = {"baseline": 0.2, "proposed": 0.4, "low": 0.1, "high": 0.5}
    less = {"baseline": 0.2, "proposed": 0.0, "low": 0.0, "high": 0.1}
    found = {**whole, "domains": {"a": sure, "b": unsure, "c": less}}
    said = " ".join(claims.claims(found)[0])
    assert "A direction: more of a, less of c; their" in said
    assert "A direction" not in " ".join(claims.claims({**found, "rho": 0.5})[0])
