globalThis.console = (function () {
  var quiet = function () {};
  return { log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet, trace: quiet };
})();
