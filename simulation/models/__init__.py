"""The library of authored models: equations written from the papers, each with a card of source, ranges and licence."""
