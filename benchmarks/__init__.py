"""What measures speed: `./rig measure`. Nothing here passes or fails."""
