"""HTML to text: a compiled tokenizer, block features, boosted trees, Markdown and metadata."""
