import { defineConfig } from "vitest/config";

export default defineConfig({ test: { setupFiles: ["./tapes.setup.js"] } });
