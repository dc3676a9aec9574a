globalThis.console = { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {} };
