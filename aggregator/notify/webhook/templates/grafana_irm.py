"""Grafana IRM's formatted webhook: alerts are grouped by `alert_uid`, and resolved by `state: ok`.

https://grafana.com/docs/grafana-cloud/alerting-and-irm/irm/configure/integrations/integration-reference/webhook/
"""

from collections.abc import Sequence

from aggregator.notify.alerts import alert_action, plain_text, short_key
from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message
from aggregator.notify.webhook.templates import Request, Template


def _requests(delivery: Delivery, message: Message) -> Sequence[Request]:
    action = "resolve" if delivery.kind == "drill" else alert_action(delivery)
    if action in ("nothing", "acknowledge"):  # there is no state for what somebody has taken on
        return []
    document = {
        "alert_uid": short_key(delivery),
        "title": message.subject,
        "message": plain_text(message),
        "state": "ok" if action == "resolve" else "alerting",
        "link_to_upstream_details": message.acknowledge or message.link,
    }
    return [Request(document)]


TEMPLATE = Template(_requests)
