from tests.web.conftest import Browser


def test_pages(editor: Browser) -> None:
    for path in ("/", "/speakers", "/status", "/phone", "/drafts", "/password"):
        r = editor.get(path)
        assert r.status_code == 200, (path, r.text)
    r = editor.get("/write")
    r = editor.get(r.location)
    assert r.status_code == 200
    r = editor.write()
    print(r.text)
    assert r.status_code == 303
    print(r.location)
    r = editor.get(r.location)
    assert r.status_code == 200
