"""Which encoding a text is in, judged by what its words would be in each encoding that it may be in.

`evidence` collects the words, `writing` knows how languages are written, `verdict` compares the encodings.
"""
