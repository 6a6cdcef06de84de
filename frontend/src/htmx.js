// htmx as the global that its extensions expect. Its event stream would pause in a background tab:
// a nurse's list must not.
import htmx from "htmx.org/dist/htmx.esm.js";

window.htmx = htmx;
htmx.config.sse = { pauseOnBackground: false, reconnectMaxDelay: 10_000 };
