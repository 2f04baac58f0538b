"""What preflight finds in data files. A finding's line and column are facts as well.

Values of a file are shown in quotes, shortened and escaped.
"""
