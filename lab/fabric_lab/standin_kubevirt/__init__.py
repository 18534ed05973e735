"""A stand-in for KubeVirt and CDI: machines of the lab instead of KVM, behind the same kinds of objects.

A machine cannot run inside a machine of this rack, so it runs beside the shared server that the scheduler would have
chosen, and its NIC is cabled to a spare socket of that server, which is put on the bridge that the network attachment
names. Whatever image is asked for, the guest is the lab's own, with a stand-in for cloud-init.
"""
