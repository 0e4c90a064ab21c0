"""Linear text classifiers in fastText's format, and n-gram language models: train and apply.

Everything is compiled, deterministic and without Beam; `castor classifier` is the verb.
"""
