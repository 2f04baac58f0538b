"""Japanese: the vendor's words, です・ます throughout; first the cause, then the effect, then what to do."""
