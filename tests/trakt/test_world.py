from tests.trakt.conftest import World


def test_both_sides_share_one_time(world: World) -> None:
    uuid = world.link("anna")
    assert world.rest(5.0) is False
    assert world.clock.now() == world.control.clock.now()
    world.service.client.last_activities(uuid)
    assert world.asked()[-1] == "GET /sync/last_activities"
    assert world.log()[-1]["user"] == "anna"
    world.stop = True
    assert world.rest(5.0) is True
