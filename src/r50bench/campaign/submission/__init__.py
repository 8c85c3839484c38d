"""From records of LoadGen runs to the tree that MLPerf Inference takes as a submission."""
