import { defineConfig } from "vite";

// Vite 6 is the last that builds on Debian 12's Node.js 18.
export default defineConfig({
  base: "/console/",
  esbuild: { jsx: "automatic" },
  build: {
    outDir: "../build/console/files",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy allows no data: address
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning), // "use client" is for servers
    },
  },
  server: { proxy: Object.fromEntries(["/v1", "/health", "/metrics", "/docs", "/openapi.json"].map((path) => [path, "http://127.0.0.1:8000"])) },
});
