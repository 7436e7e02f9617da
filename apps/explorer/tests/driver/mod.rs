//! A minimal client of W3C `WebDriver` for a headless Chromium.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A browser with one window, which is closed on drop.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
}

impl Browser {
    /// Starts a browser with a window of this size; panics with a message if Chromium or its driver is missing.
    pub(crate) fn start(width: u32, height: u32, scheme: &str, is_phone: bool) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver starts: on Debian, `apt-get install chromium chromium-driver` brings it",
            );
        let output = BufReader::new(driver.stdout.take().expect("its output is piped"));
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(2)));
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.build().into(),
        };
        let options = json!({
            "args": [
                "--headless=new",
                // The sandbox does not work for root or without user namespaces, as in containers.
                "--no-sandbox",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                "--force-prefers-reduced-motion",
            ],
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let created = browser.post("", &capabilities);
        let id = created["sessionId"].as_str().expect("a session");
        browser.session = format!("{}/{id}", browser.session);
        browser.post(
            "/timeouts",
            &json!({ "script": 60_000, "pageLoad": 60_000 }),
        );
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": if is_phone { 2 } else { 1 }, "mobile": is_phone,
        });
        browser.devtools("Emulation.setDeviceMetricsOverride", metrics);
        browser.devtools(
            "Emulation.setTouchEmulationEnabled",
            json!({ "enabled": is_phone }),
        );
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
        browser
    }

    pub(crate) fn open(&self, address: &str) {
        self.post("/url", &json!({ "url": address }));
    }

    /// Runs a script, which may be asynchronous, after the next animation frame and returns its result.
    pub(crate) fn script(&self, script: &str, arguments: Value) -> Value {
        // Two frames: work that is requested in one may be done in the next.
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const picture = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
             (async (...arguments) => {{ await picture(); await picture(); {script} }})(...arguments)
                 .then(done, (error) => done({{ error: String(error.stack ?? error) }}));"
        );
        let mut body = json!({ "script": script });
        body["args"] = arguments;
        let value = self.post("/execute/async", &body);
        assert!(value["error"].is_null(), "{}", value["error"]);
        value
    }

    /// Repeats a [`Self::script`] until its result is neither false nor null.
    pub(crate) fn wait_for(&self, script: &str) -> Value {
        let begun = Instant::now();
        loop {
            let value = self.script(script, json!([]));
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "waited for {script}"
            );
        }
    }

    /// Drags a pointer along points of the window; `kind` is mouse, pen or touch.
    pub(crate) fn drag(&self, kind: &str, points: &[[f32; 2]]) {
        let to = |point: &[f32; 2]| {
            let [x, y] = point.map(|value| value.round() as i32);
            json!({ "type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y })
        };
        let mut actions: Vec<Value> = points.iter().map(to).collect();
        actions.insert(1, json!({ "type": "pointerDown", "button": 0 }));
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let pointer = json!({
            "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions,
        });
        self.post("/actions", &json!({ "actions": [pointer] }));
    }

    /// Presses keys in sequence.
    pub(crate) fn press(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({ "type": "keyDown", "value": key }),
                json!({ "type": "keyUp", "value": key }),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Scrolls to an element and returns its left, top, width and height.
    pub(crate) fn place_of(&self, selector: &str) -> [f32; 4] {
        let place = self.script(
            "const element = document.querySelector(arguments[0]);
             element.scrollIntoView({ block: 'center' });
             const box = element.getBoundingClientRect();
             return [box.left, box.top, box.width, box.height];",
            json!([selector]),
        );
        let number = |index: usize| place[index].as_f64().expect("a number") as f32;
        [0, 1, 2, 3].map(number)
    }

    /// The accessible names of the visible elements.
    pub(crate) fn labels(&self, selector: &str) -> Vec<String> {
        let found = self.post(
            "/elements",
            &json!({ "using": "css selector", "value": selector }),
        );
        let elements = found.as_array().expect("elements").iter();
        let label = |element: &Value| {
            let id = element.as_object()?.values().next()?.as_str()?;
            if self.get(&format!("/element/{id}/displayed")) == json!(false) {
                return None;
            }
            let label = self.get(&format!("/element/{id}/computedlabel"));
            Some(label.as_str().unwrap_or_default().to_owned())
        };
        elements.filter_map(label).collect()
    }

    /// The warnings and errors of the console since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a log").iter();
        entries.map(ToString::to_string).collect()
    }

    /// A PNG of the visible part of the page, or of the whole page.
    pub(crate) fn screenshot(&self, whole: bool) -> Vec<u8> {
        let what = json!({ "format": "png", "captureBeyondViewport": whole });
        let data = self.devtools("Page.captureScreenshot", what)["data"].clone();
        let text = data.as_str().expect("a picture");
        BASE64_STANDARD.decode(text).expect("base64")
    }

    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        let mut body = json!({ "cmd": command });
        body["params"] = parameters;
        self.post("/goog/cdp/execute", &body)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session));
        let response = request
            .content_type("application/json")
            .send(body.to_string());
        value(path, response)
    }

    fn get(&self, path: &str) -> Value {
        value(
            path,
            self.agent.get(format!("{}{path}", self.session)).call(),
        )
    }
}

type Response = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn value(path: &str, response: Response) -> Value {
    let mut response = response.expect("chromedriver answers");
    let text = response
        .body_mut()
        .with_config()
        .limit(1 << 28)
        .read_to_string()
        .expect("text");
    let mut answer: Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        response.status().is_success(),
        "{path}: {}",
        answer["value"]["message"]
    );
    answer["value"].take()
}

impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.agent.delete(&self.session).call();
        _ = self.driver.kill();
        _ = self.driver.wait();
    }
}
