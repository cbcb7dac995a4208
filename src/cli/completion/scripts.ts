/** The scripts that a shell reads once: each asks `loam completion SHELL -- WORDS...` for the words that could come next. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Readonly<Record<Shell, string>> = {
  bash: `_loam() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _loam loam
`,
  zsh: `#compdef loam
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_loam() {
  local -a found
  found=(\${(f)"$("\${words[1]}" completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _loam loam
# in a folder of $fpath the file is the function's first call
if [[ "\${funcstack[1]}" = _loam ]]; then _loam "$@"; fi
`,
  fish: `function __loam_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] completion fish -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c loam -f -a "(__loam_complete)"
`,
};
