import { defineConfig } from "vite";

export default defineConfig({
  // Its workers are files of its own, which the development server must not bundle away.
  optimizeDeps: { exclude: ["wherry"] },
});
