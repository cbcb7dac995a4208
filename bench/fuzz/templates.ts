/** Chat templates as models have them, in small, and what a hostile one would hold. */
export const templates: readonly string[] = [
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
  `{{- bos_token }}
{%- if tools is defined and tools %}{{- '<tools>' }}{%- for tool in tools %}{{- tool | tojson(indent=2) }}{%- endfor %}{{- '</tools>' }}{%- endif %}
{%- set ns = namespace(found=false, n=0) %}
{%- macro turn(role, content) -%}<|{{ role }}|>{{ content | trim }}{%- endmacro %}
{%- for m in messages if m.role != 'system' %}
{%- if loop.first or not ns.found %}{%- set ns.found = true %}{%- endif %}
{%- set ns.n = ns.n + loop.index0 %}
{{- turn(m.role, m.content if m.content is string else m['content'][0]['text']) + eos_token }}
{%- else %}{{- raise_exception('no turn') }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' ~ strftime_now('%Y') }}{%- endif %}`,
];

export const snippets: readonly string[] = [
  "{% for i in range(100000) %}x{% endfor %}",
  "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
  "{% for i in range(-5, 1e30, 1e-9) %}{% endfor %}",
  "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
  "{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}",
  "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
  "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
  "{{ 'x' * 1000000000 }}",
  "{{ ('x' | string).ljust(1000000000) }}",
  "{{ messages | tojson | tojson | tojson }}",
  "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaa') | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaa') | replace('a', 'aaaaaaaaaaaaaa') }}",
  "{{ ['aaaaaaaa', 'b'] | join('x') | indent(100000) }}",
  "{{ messages | map(attribute='content') | list | sort | unique | batch(0) }}",
  "{{ messages[0].constructor.constructor('return process')() }}",
  "{{ ''.__class__.__mro__ }}",
  "{{ raise_exception }}{{ range }}{{ messages }}",
  "{% set messages = messages + messages %}{% for m in messages %}{{ loop.previtem.content }}{% endfor %}",
  "{% set x = [] %}{% set x = [x, x] %}{% for i in range(40) %}{% set x = [x, x] %}{% endfor %}{{ x | tojson }}",
  "{% set ns = namespace(x=[]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
  "{% set ns = namespace(x=[]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
  "{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns | tojson }}{{ ns.a }}{{ ns == ns.a }}",
  "{% filter upper %}",
  "{% call(x) f() %}y{% endcall %}",
  "{{ 1 / 0 }}{{ 1 // 0 }}{{ 1 % 0 }}{{ -1 ** 0.5 }}",
  "{{ messages[99999999].content[0:-1:0] }}",
  "{{ 'abc'[::-1][::0] }}",
  `{{ ${"(".repeat(3000)}1${")".repeat(3000)} }}`,
  `{{ ${"not ".repeat(20000)}true }}`,
  "{% if true %}".repeat(2000),
  `{{ ${"[".repeat(5000)}${"]".repeat(5000)} }}`,
  `{{ '${"a".repeat(3000)}' | replace('', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb') }}`,
  "{%- break -%}",
  "{%- continue -%}",
  "{# ",
  "{% generation %}",
  "{{ '%s' % messages }}",
  "{{ messages | items | dictsort | first | last | length | int | float | abs }}",
  "{{ strftime_now('%Y' * 100000) }}",
  "{% raw %}{{ {% endraw %}",
  "{{",
  "}}",
  "{%",
  "%}",
  "\u0000",
  "\ud83d",
];
