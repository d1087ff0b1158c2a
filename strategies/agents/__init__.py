"""The agents: seven specialists, a conductor, and the consensus of their votes; pure but for the client of a model."""
