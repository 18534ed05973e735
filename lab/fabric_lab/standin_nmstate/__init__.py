"""A stand-in for kubernetes-nmstate and NetworkManager: it carries out VLANs and bridges of policies with iproute2.

Behind the real definitions of policies and enactments. It knows two types of interface, up and absent, keeps nothing
over a reboot, probes nothing and rolls nothing back. Only the tests start it.
"""
