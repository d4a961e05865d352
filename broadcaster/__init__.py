"""The heart of the station: rows, keys, wire, transport, presence, airing and the ledger. Knows no HTTP and no engine."""
