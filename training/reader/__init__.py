"""The reader: one small encoder over (question, passage), with heads for spans, relevance and support."""
