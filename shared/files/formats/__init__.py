"""One reader per format that needs a library; they run in the reader process only."""
