"""Lists of domains and addresses by category, looked up by hash: what a URL is listed as."""
