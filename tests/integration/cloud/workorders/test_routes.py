"""Routes: which stages a product's orders get."""

STEPS = [{"stage_name": "Kesim", "minutes": 20}, {"stage_name": "Kaynak"}, {"stage_name": "Boya", "share": 3}]


async def test_a_products_orders_follow_its_route_and_others_the_default(app_client, tenant, planned):
    made = await app_client.post(
        "/routes", json={"product_code": "P-9", "steps": STEPS, "sequencing": "STRICT"}, headers=tenant.planner
    )
    assert made.status_code == 201, made.text
    order, stages = await planned(product_code="P-9")
    assert order["sequencing"] == "strict"
    assert [(stage["stage_name"], stage["planned_end"][11:16]) for stage in stages] == [
        ("Kesim", "08:20"),
        ("Kaynak", "08:45"),
        ("Boya", "10:00"),
    ]
    _, stages = await planned(product_code="P-8")
    assert [stage["stage_name"] for stage in stages] == ["Enjeksiyon", "Montaj"]
    default = {"steps": [{"stage_name": "Paketleme"}], "over_report_percent": 5}
    assert (await app_client.post("/routes", json=default, headers=tenant.admin)).status_code == 201
    order, stages = await planned(product_code="P-8")
    assert (order["over_report_percent"], [stage["stage_name"] for stage in stages]) == (5, ["Paketleme"])
    _, stages = await planned(product_code="P-9")
    assert len(stages) == 3


async def test_a_route_is_read_replaced_and_forgotten(app_client, tenant, new_tenant):
    made = (await app_client.post("/routes", json={"steps": STEPS}, headers=tenant.planner)).json()
    path = f"/routes/{made['id']}"
    again = await app_client.post("/routes", json={"steps": STEPS}, headers=tenant.planner)
    assert (again.status_code, again.json()["error_code"]) == (409, "ROUTE_TAKEN")
    other = {"product_code": "P-1", "steps": STEPS[:1]}
    second = (await app_client.post("/routes", json=other, headers=tenant.planner)).json()
    taken = await app_client.put(f"/routes/{second['id']}", json={"steps": STEPS}, headers=tenant.planner)
    assert taken.status_code == 409
    replaced = await app_client.put(path, json={"product_code": "P-2", "steps": STEPS[:2]}, headers=tenant.planner)
    assert (replaced.status_code, len(replaced.json()["steps"])) == (200, 2)
    assert (await app_client.get(path, headers=tenant.worker)).json() == replaced.json()
    found = await app_client.get("/routes?product_code=P-2", headers=tenant.worker)
    assert [route["id"] for route in found.json()] == [made["id"]]
    stranger = (await new_tenant()).admin
    assert (await app_client.get(path, headers=stranger)).status_code == 404
    assert (await app_client.delete(path, headers=stranger)).status_code == 404
    assert (await app_client.delete(path, headers=tenant.worker)).status_code == 403
    assert (await app_client.delete(path, headers=tenant.planner)).status_code == 204
    assert (await app_client.get(path, headers=tenant.planner)).status_code == 404
