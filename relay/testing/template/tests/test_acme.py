from relay.testing.hard import HardTests


class TestAcme(HardTests):
    adapter = "acme"
