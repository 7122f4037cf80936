// What axe does not look for, or not cheaply: each gives sentences of what is wrong with the page as it is drawn.
window.faults = {
  async axe() {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const found = await axe.run(document, { runOnly: tags, resultTypes: ["violations"], preload: false });
    return found.violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target)}`);
  },

  wide() {
    return document.documentElement.scrollWidth > innerWidth ? ["scrolls sideways"] : [];
  },

  /** What a finger cannot hit: of links only those that stand alone, of rows the whole row. */
  small() {
    const alone = "button, .button, summary, select, textarea, input, .nav a, .tap, .crumb, .chips a, .tick, a.lead";
    const height = (part) => {
      const hit = part.matches(".lead") ? part.closest("tr, li") : part.closest(".tick, .tickbox label") ?? part;
      return Math.max(hit.getBoundingClientRect().height, parseFloat(getComputedStyle(part, "::after").height) || 0);
    };
    return [...document.querySelectorAll(alone)]
      .filter((part) => part.type !== "hidden" && part.checkVisibility() && height(part) < 44)
      .map((part) => `is no finger high: ${part.outerHTML.slice(0, 90)}`);
  },

  /** The contrast of each text with what is behind it. axe says more, and takes as long as all its other rules. */
  pale() {
    const light = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (part) => {
      const colour = part ? getComputedStyle(part).backgroundColor : "rgb(0, 0, 0)";
      return colour === "rgba(0, 0, 0, 0)" ? behind(part.parentElement) : colour;
    };
    const found = new Set();
    for (const part of document.body.querySelectorAll("*")) {
      const says = [...part.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!says || !part.checkVisibility() || part.closest("svg, :disabled")) continue;
      const { color, fontSize, fontWeight } = getComputedStyle(part);
      const large = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
      const [dark, bright] = [light(color), light(behind(part))].sort((a, b) => a - b);
      if ((bright + 0.05) / (dark + 0.05) < (large ? 3 : 4.5)) found.add(`is pale: ${color} on ${behind(part)}, ${part.textContent.trim().slice(0, 30)}`);
    }
    return [...found];
  },
};
