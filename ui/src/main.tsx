/** Starts the page. */
import { render } from "preact";
import { createApp } from "./app.ts";
import { browserHost } from "./host.ts";
import { listenToKeys } from "./input/keys.ts";
import { startApp } from "./start.ts";
import { exposeTestHook } from "./test-hook.ts";
import { workerReader } from "./tiles/worker-reader.ts";
import { Page } from "./view/page.tsx";
import { keepTheme } from "./view/theme.ts";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");

const app = createApp(browserHost(), workerReader());
keepTheme(app);
render(<Page app={app} />, root);
startApp(app);
listenToKeys(app);
exposeTestHook(app);
