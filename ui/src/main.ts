import "./style/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import "./core/theme.svelte";
import { words } from "./core/words.svelte";

document.documentElement.lang = words.language;
mount(App, { target: document.getElementById("app") as HTMLElement });
