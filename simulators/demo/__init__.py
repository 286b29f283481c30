"""The demo: simulators, one edge daemon and the cloud as processes of their own, watched and called to account."""
