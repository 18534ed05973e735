# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.
"""A Linux leaf switch without a controller: the intent's networks as VLANs on its ports.

What runs on the switch (everything but `document` and `worklist`) keeps to Python 3.8 and its standard library.
"""
