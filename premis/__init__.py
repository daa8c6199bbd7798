"""PREMIS 3.0 and nothing else: model, vocabularies, streaming writer and reader, validation of a document."""
