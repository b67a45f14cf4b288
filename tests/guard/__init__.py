"""Nothing reaches for the network: importing `sitecustomize` from here makes any such attempt an error."""
