"""The law about devices: what a component makes lies where its input lies.

A tensor on the device "meta" has a shape and no values, so that it stands for one on a GPU.
"""

import torch
from torch import Tensor

from grader.accused import Accused, Raised
from tests.laws import Violation

torch.ones(1, device="meta").add(1)  # the first use takes a second, once for all forked children


def assert_stays_on_device(call: Accused, *inputs, **options):
    """Assert that nothing is made on another device than that of the input.

    Code that looks at values cannot be judged in this way, and passes.
    """
    __tracebackhide__ = True
    given = [x.to("meta") if isinstance(x, Tensor) else x for x in inputs]
    try:
        output = call(*given, **options)
    except Raised as raised:
        if "device" in str(raised.error) and "cpu" in str(raised.error):
            told = "made a tensor on the CPU, while its input lies on another device"
            raise Violation(None, told) from raised
        return
    if output.device.type != "meta":
        told = f"returned a tensor on {output.device}, while its input lies on another device"
        raise Violation(output, told)
