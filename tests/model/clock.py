"""The order of moments: only which of two came first matters, so moments are small numbers, and renumbered after each step."""

from tests.model.state import State


def moment(s: State) -> int:
    """Now: later than all that is remembered."""
    return max(_moments(s), default=0) + 1


def renumbered(s: State) -> State:
    """Equal up to the names of moments: 1, 2, 3 … in their order. 0 stays: no moment."""
    found = sorted({*_moments(s)} - {0})
    if not found or found[-1] == len(found):
        return s
    number = {0: 0, **{old: new for new, old in enumerate(found, start=1)}}
    log = tuple(head._replace(arrived=number[head.arrived] if place == len(s.log) else 0) for place, head in enumerate(s.log, start=1))
    turns = tuple(
        turn._replace(
            head=turn.head._replace(arrived=number[turn.head.arrived]),
            view=turn.view._replace(asked=number[turn.view.asked], arrived=number[turn.view.arrived]),
            polled=number[turn.polled],
            messages=tuple(message._replace(asked=number[message.asked]) for message in turn.messages),
        )
        for turn in s.turns
    )
    calls = tuple(
        call._replace(
            head=call.head._replace(arrived=number[call.head.arrived]),
            view=call.view._replace(asked=number[call.view.asked], arrived=number[call.view.arrived]),
        )
        for call in s.calls
    )
    watch = s.watch and s.watch._replace(head=s.watch.head._replace(arrived=number[s.watch.head.arrived]), polled=number[s.watch.polled])
    queue = tuple(sorted(message._replace(asked=number[message.asked]) for message in s.watch_queue))
    return s._replace(log=log, turns=turns, calls=calls, watch=watch, watch_queue=queue)


def _moments(s: State) -> list[int]:
    found = [s.log[-1].arrived] if s.log else []
    for turn in s.turns:
        found += [turn.head.arrived, turn.view.asked, turn.view.arrived, turn.polled]
        found += [message.asked for message in turn.messages]
    for call in s.calls:
        found += [call.head.arrived, call.view.asked, call.view.arrived]
    if s.watch:
        found += [s.watch.head.arrived, s.watch.polled]
    return found + [message.asked for message in s.watch_queue]
