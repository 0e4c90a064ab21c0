"""Lines that stand on many pages of a site: counted exactly over a whole run, and taken out."""
