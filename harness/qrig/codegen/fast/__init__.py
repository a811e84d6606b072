"""The fast path of deployments: convolutions in transformed, channel-planar form."""
