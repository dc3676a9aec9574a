/** One clock for every age on the page, so that they move together and cheaply. */

class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, 10_000);
  }
}

export const clock = new Clock();
