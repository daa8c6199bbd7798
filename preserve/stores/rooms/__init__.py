"""The rooms of ours on a replica that is not a folder of this machine, made of the few writes of a `WritableStore`."""
