"""The properties of the boards that tests of pages make."""

PROPERTIES = {
    "Name": {"title": {}},
    "Topic": {"rich_text": {}},
    "Channel": {"select": {"options": [{"name": "Space", "color": "blue"}]}},
    "Stage": {"status": {}},
    "Due": {"date": {}},
    "Score": {"number": {"format": "number"}},
    "Done": {"checkbox": {}},
    "Link": {"url": {}},
    "Made": {"created_time": {}},
    "Changed": {"last_edited_time": {}},
    "Maker": {"created_by": {}},
    "Editor": {"last_edited_by": {}},
    "Age": {
        "formula": {"expression": 'format(dateBetween(now(), prop("Due"), "minutes")) + " min"'}
    },
    "Minutes": {"formula": {"expression": 'dateBetween(now(), prop("Changed"), "minutes")'}},
}
