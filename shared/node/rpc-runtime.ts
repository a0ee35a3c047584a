// vscode-jsonrpc needs to be told once which timers to use; every Node program imports this first.
import 'vscode-jsonrpc/node';
