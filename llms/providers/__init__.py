"""What upstreams speak. One module for each vendor; none knows another."""
