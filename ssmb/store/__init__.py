"""Files: atomic, sealed HDF5 trees with units, run files, checkpoints and openPMD particles; the only user of h5py."""
