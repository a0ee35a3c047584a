// What two libraries must be told once; the page imports this first.
// vscode-jsonrpc: which timers and encoders to use.
import 'vscode-jsonrpc/browser';
import { config } from 'zod';

// zod would compile its checks with `new Function`, which the page's policy refuses (and reports).
config({ jitless: true });
