// @ts-check
// As at the root of a site: the build that these pages use.  `wherry demo` answers here with the build it serves.

export * from "../wherry.js";
