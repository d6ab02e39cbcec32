"""What can be found again by meaning, and rebuilt from the other stores."""
