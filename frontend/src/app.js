// What every page loads: the design system's behaviour, htmx, the live watch and the charts.
// The plugins are imported file by file: esbuild drops the package's own bundle without a word.
import Alert from "bootstrap-italia/dist/plugins/alert.js";
import Collapse from "bootstrap-italia/dist/plugins/collapse.js";
import Dropdown from "bootstrap-italia/dist/plugins/dropdown.js";
import Input from "bootstrap-italia/dist/plugins/input.js";
import Modal from "bootstrap-italia/dist/plugins/modal.js";
import NavBarCollapsible from "bootstrap-italia/dist/plugins/navbar-collapsible.js";
import Tab from "bootstrap-italia/dist/plugins/tab.js";
import "./htmx.js"; // before its extension
import "htmx.org/dist/ext/hx-sse.js";
import { drawCharts, zooms } from "./charts.js";
import { watchKeys } from "./keyboard.js";
import { watchLive } from "./live.js";
import { keepWorklist } from "./offline.js";
import { watchOneTap } from "./onetap.js";

// Named so that they are kept; each also listens to its data-bs-… attributes by itself.
window.vicino = { Alert, Collapse, Dropdown, Input, Modal, NavBarCollapsible, Tab, zooms };

watchLive();
watchKeys();
keepWorklist();
watchOneTap();
drawCharts(document);
document.addEventListener("htmx:after:swap", () => drawCharts(document));
