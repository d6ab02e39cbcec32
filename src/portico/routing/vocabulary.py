"""
The words that tell the kinds of work apart, and how much each tells. Data, for `words`.

`stem*` stands for every word that begins so (three letters or more), `two_words` for a pair, and
two Chinese characters for themselves. A word may speak for several roles.
"""

from collections.abc import Mapping

from portico.routing.signals import CODE, DEVOPS

STRONG, GOOD, WEAK, FAINT = 2.4, 1.4, 0.6, 0.35

type Vocabulary = Mapping[str, Mapping[float, str]]

TRADES: Vocabulary = {
    CODE: {
        STRONG: """
            algorithm* algoritm* asyncio big_o binary_search code_review codebase codice compiler*
            context_manager coroutine* data_structure data_structures dataframe* deadlock* debug*
            decorator* docstring* dynamic_programming eslint fonction* fonksiyon* funciones funkci*
            funkcj* funktion* funzion* generics goroutine* hash_map hashmap jest junit kod kodu
            kodzie leetcode linked_list list_comprehension memoiz* memory_leak mypy null_pointer
            polymorphi* programmier* programowan* pull_request pyright pytest race_condition
            recursi* refactor* refator* regex* rekursi* ricorsiv* segfault segmentation_fault
            source_code stack_trace stacktrace syntax_error type_hint type_hints typedef
            undefined_reference unit_test unit_tests unittest* vitest
            алгоритм* дебаг* декоратор* докстринг* замыкани* исключени* код код_ревью кода коде
            кодом коду компилир* компилятор* отлад* отрефактор* регулярк* регулярн* рекурс*
            рефактор* сверста* функци* функці* юнит*
            código códigos función função funções récursi* コード 二叉 代码 函数 协程 单元 单测
            变量 回调 変数 子类 异步 报错 数组 构造 正则 泛型 源码 爬虫 父类 算法 编程 编译 调试
            递归 配列 重构 链表 関数 闭包 배열 변수 재귀 코드 파이썬* 함수
        """,
        GOOD: """
            abstract abstractmethod abstraite abstrakt* abstrata activerecord adapter_pattern
            aggregation aiogram airflow alembic allocations allocator anagram angular annotation*
            apps_script arduino argomenti argparse args argumento argumentos argumentos_de
            arithmetic arquivo_grande array array_di array_map arrays arreglo arrow_function
            assert* ast astratta async ausgabe ausnahme autograd await axios babel backprop*
            backtrack* backward base64 batch_size bcrypt beautifulsoup benchmark benchmarks bfs
            bibliotecas bibliothek big_decimal bigint binary_format bisect bit bitmask bitmasks
            bits bitwise blas bloom_filter blueprints boilerplate bookmarklet boolean booleans
            borrow_checker boucle bounds_check breakpoint breakpoints broadcasting bubble_sort
            bucle bug bugfix buggy bugs builder_pattern bundler by_reference by_value bytecode
            cadenas calculator call_stack callback* cannot_determine cannot_find cannot_read
            capture_group cargo cast casting celery cell cells cffi chatbot checkpoint_loading
            cherry_pick ciclo ciclo_for circular_import circular_reference clase clases classe
            classifier classloader classmethod clojure closure* cmake cobol codable code_niet
            code_smell codegen coding coerce collate collision collisions comma_as command_pattern
            compile* compiling complexity component_re composable composer composition_over
            compte_deux concat concatenat* conditional conditionals confusion_matrix const
            constexpr constructor* consulta consultas converter cors count_if countif coverage cpp
            crate crates crud csharp csv csv_datei cte ctypes cuda cuda_out currying cyclomatic
            cypress cython dag dags dangling dart dataclass* dataloader datei_ein datetime ddl
            dead_code debounce decimal decimals decode decoding deep_copy deepcopy def defer
            delegate* deno dependency_injection deque deserial* design_pattern destructur*
            deterministic_order dfs dict dictionar* dictionnaire dicts dijkstra discord_bot divide
            divisible division_by dizi* django dom dotnet double_sum dto duck_typing dunder
            duplicated dziedzicz* eager early_exit early_return early_returns eccezion* eigen
            eigenproblem eigenvalue* einsum elemento_quando elif elixir embedding embeddings
            embeddings_in emoji encapsul* encode encoding endianness endpoint* entity_framework
            entry_point enum* epoch epochs equals erbt ereditariet* erlang erweiterung* escribe_una
            esp32 esp8266 estourar event_emitter event_handler event_loop eventlistener
            excel_formula exception exceptions exif explode expresiones express extract_method
            extract_the factory_pattern fails_in fastapi fehler* felmeddel* fetch ffi fibonacci
            file_json final_keyword find_module firmware fixture* fizzbuzz flaky flask float floats
            flutter for_loop foreach foreign_key formula fortran foutmelding* freertos from_file
            functie* function functions functor game_loop gameplay gc gc_pause gdb gem gems
            generator* generic_over getter git_merge global_state godot golang google_sheet gpio
            gradient gradient_descent gradle graph_traversal graphql greedy group_by groupby grpc
            guard_clause guessing_game handler handlers hash_table hashable hashcode hashing
            hashset haskell header_file heap herencia hex_grid hibernate higher_order hilo hoisting
            hot_reload hotspot html http_server httpx hydration i2c idiomatic if_else if_statement
            if_statements immutability immutable impl implement implementing implements
            implicit_conversion import_error in_isolation index_out indexeddb infinite_loop
            infinity inherit* init insertion_sort int integer integers integration_test integrator
            interop interpreter interrupt* intervals isinstance isolation_level iterable iterar
            iterate iterating iteration iterator* java javascript jetpack jit join joins jpa jquery
            json json_parse json_schema jsx julia keras keydown keyword klas* knex kod_som kodlama
            kotlin kwargs lambda langchain lapack laravel lazy_loading leaderboard_code leapfrog
            learning_rate left_join legacy_code leggere_un lexer lifetime lifetimes lijst linha_por
            linker linq linter linting lista_di lista_som listener livedata lldb llm_app
            localstorage lombok lookahead lookbehind loop loops lua lus macro macros makefile_c
            malloc markdown_parser marshal match_case matching_function matlab matplotlib matrices
            matrix maven mein_regex merge_conflict merge_overlapping mergesort metaclass method
            methode methodes methods metoda metodo metody micropython middleware minif*
            missing_argument mixin mock mocking mockito mocks module_not modulo modulo_operator
            modulus monad mongoose monkeypatch monobehaviour monte_carlo mpi multiply multithread*
            mutex namespace_php nan nested neural_network nextjs nil nil_pointer nlp no_matching
            nodejs nonetype not_assignable not_defined npm nuget null_check nullable nullpointer*
            nullptr num_workers numba numpy nuxt object_oriented objectoriented objeto objetos
            observable observer ode off_by oggetti onclick oop openapi opencv opengl openmp
            openscad optimizer_step optional_chaining ordenar ordene ordeno ordina orm overfit*
            overload* overrid* pagination palindrome pandas parametre parametri* parcour* parity
            parse parsed parser* parses parsing pass_by passes_when pathfind* pattern_matching pde
            perl php physics_engine pinia pip pivot_table playwright plugin pnpm poetry pointer
            pointers polars polyfill polymorph* positional_argument prepared_statement primary_key
            prime primes printing prints prisma profiler profiling programa programar programie
            programmer programming programs promesa* promise* prompt_template property_based
            protobuf proyecto_npm pseudo pseudocode puntator* puppeteer pure_function pwm pybind11
            pydantic pygame pypi pyspark python python_script pytorch qt quadtree quaternion*
            query_sql queryselector quicksort rails random_forest raycast rayon re_render react
            read_file readonly rebase records recyclerview reduce_a redux reflection requests
            rerender* rounding route routes rtos ruby runge_kutta rust rustc rxjs sandbox_code
            satisfies scaffold scala schleife schleifen schnittstelle schreib_eine scipy scraper
            scratch script scrivi_una sdk seaborn sealed segfaults select_from selenium self
            semaphore* sequelize serializ* service_worker servo setstate setter shader shadow_dom
            shallow_copy shapes_don shared_ptr shared_state shopify side_effect simd simulation
            singleton singleton_pattern sizeof sklearn skript_in skriv_en slice slicing slugify
            smart_pointer smells snippet solid_principles solidity solver sorted sortier* sorting
            sorts spark spi splice spreadsheet_formula spring sprite sprites sql sqlalchemy squash
            ssr stack_overflow stale stash state_machine state_management staticmethod stdin stdout
            stepping stl stm32 streams_api strftime stringa strip stripe strong_typing struct
            structs stub stubbing stubs subclass subquer* subscriptable substring subtract sum_over
            sumif superclass svelte svelte_store swagger swallow swallows swift swiftui switch_case
            switch_statement symfony tablic* tail_call tailwind tdd telegram_bot template_class
            tensor tensor_shape tensorflow tensors ternary test_suite testy thread thread_safe
            threading threads throttle tic_tac time_complexity timezone tkinter to_number to_unpack
            tokeniz* topological tostring training_loop trait trait_bound traits transaction
            transactions transpil* trie trier trouve_pas tsconfig tsx tuple* turtle two_classes
            type_annotation type_error type_mismatch typed typen typer typescript typfehler typing
            uart umlaute undefined undefined_is unexpected_token unhashable unicode unique_ptr
            unit_testing unity unmarshal unreal unresolved_reference unwrap upsert use_after
            useeffect userscript usestate utf8 valgrind validate validates validation validator
            variabele* variabil* variable* vba vector vectoris* vectoriz* vectors venv vererben
            vererbung vetor viewmodel virtualenv vite vlookup volatile vue vuex vulkan waitgroup
            wasm web_scraping web_worker webassembly webgl webhook webhooks webpack while while_i
            while_loop widget_tree window_function winforms wordpress_plugin wpf wrap wrapper xaml
            xml xml_parser xpath xslt yaml_parser yaml_safe yarn yield yields zapytanie zeiger
            zeilen_mit zero_division zmienn* zustand zwraca
            аннотац* аргумент* ардуино асинхрон* баг бага баги багу библиоте* бинарн* битов*
            блокировк* бот бота брейкпоинт* бросает бэк бэкенд* в_csv валидац* вебхук* верни
            верни_список верни_число вернуть ветвлен* ветк* висит висячих вложенн* возвращает вызов
            вызова вызывает вынеси вычисл* вью_модель вьюмодел* генератор* геттер* гистерезис*
            горутин граф графа датафрейм* двоичн* дебажить декремент дерев* десериализ* дескриптор*
            деструктур* джав* джанго джейсон дженерик* джойн* дробн* дубликат* дублирован*
            дублирующ* зависимост* замокать запит* запрос_sql змінн* индексов индексы инициализ*
            инкапсул* интеграл интерпретатор* исходник* итератор* итерац* итерир* канал_в
            кватернион* кидает клас класса классе классы ключами_в кодировк* колбек* колбэк*
            коммит* компонент конструктор* кортеж* корутин* котлин* кучи ленив* линтер* луа лямбд*
            масив массив* матриц* медиан* мемоиз* мерж* метакласс* метод метода методов методу
            методы множеств* мок мокать моки мьютекс* мёрж* на_php на_го на_си напиши_код наслед*
            обработчик* объектом округл* оператор оператора остат* отсортир* отфильтр* парсер*
            парсинг* парсит* паскал* паттерн паттерны перебор* перебрать перегрузк* перемен*
            переопредел* переписать_на перепиши_без перечислен* питон* плагин* плюсах побитов*
            повторяющ* подзапрос* подписок подстрок* покрыти* полей_в полиморф* помилка_в
            порядок_полей построчно посчитать_в преобраз* приватн* присваив* присвоить програм*
            производн* промис* прописью пропс* протестир* профилир* процедура прочитать_порт
            пузырьк* рантайм* распаков* распарс* раст реакт реактив* реализова* реализуй* ребейз*
            регэксп* рендер* ререндер* рядок сборщик_мусора сгруппир* сериализ* сеттер* сигнатур*
            символов синтаксис* скетч скобк* скобок сконверт* скрейп* скрипт_на словаре словарь
            словник событийн* сопостав* сортиров* спадкув* спарк* сравнивать_строки сравнить_строк
            стаб стейт стек стека сумму_прописью тайпскрипт* тензор* тернарн* тест тестами тесты
            типизац* типизир* типов указател* условие факториал фикстур* формула формулу фреймворк*
            фронт фронтенд* хендлер* хеш хук хуки хэш целое целочисл* цикл цикла цикле циклов
            шаблон_проектирования шарп шарпе шестнадцат* экселе эксель эндпоинт* яваскрипт*
            bibliothèque compréhension değişken* döngü* einträge excepción exceção
            expresión_regular fält imbriqué itér* json_в laço listę_w méthode método métodos
            napisz_funkcję ordenación procedure_в pętl* requête requête_sql requêtes räknar
            rückgabe* sql_запрос sträng sınıf* sıral* słownik testów wskaźnik* wyjątek wyrażen*
            yazılım yöntem* écrire_une écris_un écris_une élément_il アルゴリズム エラー クエリ
            クラス スレッド テスト バグ プログラム ポインタ メソッド ライブラリ リスト
            リファクタリング ループ 一次 下标 两个 主键 事件 事务 二进 传参 位运 作用 例外 依赖
            修正 倒序 关键 再帰 写法 冲突 几何 分支 分组 分页 切片 判断 判空 别名 刷新 前端 前缀
            加密 动归 动态 包名 匹配 十六 升序 单例 卡顿 去掉 去重 参数 双指 反射 取值 取整 取模
            只执 合并 后端 后缀 命名 哈希 四舍 回文 回溯 回退 地狱 复杂 外键 多态 多边 委托 子串
            子组 字典 字段 字符 实现 富文 对象 导入 小程 属性 崩溃 常量 幂等 平均 序列 异常 引入
            引数 引用 循环 截取 打包 打印 抛出 抽象 拆小 拷贝 拼接 挂起 指令 指针 按月 排序 接口
            推导 提交 数字 文档 斐波 断点 断言 方法 映射 最大 最小 枚举 查表 查重 柯里 栈溢 校验
            模拟 死循 死锁 求和 泄漏 注解 注释 浅拷 测试 浮点 深拷 渲染 溢出 滑动 滑窗 滚动 父组
            理由 生命 生成 用例 监听 相似 矩阵 私有 程序 空值 空指 等于 箭头 类型 精度 线程 组件
            绑定 结构 统计 继承 编码 缩进 职责 节流 补零 表达 装饰 覆盖 解构 解析 解码 触发 订阅
            语句 语法 请求 调用 质数 贪心 赋值 越界 跨域 转义 转换 输出 辞書 过滤 连表 迭代 遍历
            重写 重载 钩子 链式 闭合 队列 防抖 阶乘 降序 限流 除法 随机 静态 面向 객체 구현
            딕셔너리* 매개 메서드* 문자 반복 반환 버그 상속 속성 스레드* 알고리즘* 에러 예외 예제
            오류 인자 자바 정렬 클래스* 타입
        """,
        WEAK: """
            api argument arguments backend browser build bytes cadena class classes commit commits
            component* console convert crash* css does_this erreur erro error errore errors example
            exercise exercises expression fails falla fallo frontend git hook hooks import index
            input instance keys lib library line lines list liste lists loss merge module modules
            my_code none null object objects operator optimi* output overflow package parameter*
            performance plot print program queries query raise raises reads rename repo return
            returns row rows schema scripts solution sort string strings syntax test tests throws
            traceback training type types webpage writes
            апи быстре* возвраща* запрос* значени* индекс* класс компонент* консол* миграци* модул*
            объект* оптимиз* ошибк* падает поле пример скрипт* списка список строк* таблиц* тип
            типы числ*
            chaîne 优化 写个 列表 性能 抛异 据库 数据 查询 框架 模块 索引 输入 返回 逻辑 错误 页面
            테스트*
        """,
    },
    DEVOPS: {
        STRONG: """
            alertma* ansible argocd bash bereitst* blue_green btrfs certbot ci_cd containerd
            contenedor* conteneur* crashloo* cronjob crontab daemonset deploy* despleg* desplieg*
            disk_space dmesg docker* envoy esxi etcd ext4 fdisk firewalld fstab github_actions
            gitlab_ci grafana haproxy helm hypervis* implanta* ingress iptables jenkins journalctl
            journald journaux k8s kontener* kubectl kubelet kubernetes letsencr* load_average
            load_balancer logrotate loki lsblk lvextend lvm mdadm minio mkfs nftables nginx
            oomkill* openvpn pg_dump podman prometheus proxmox pvresize raid redeploy* registros
            resize2fs reverse_proxy rolling_update rsync runbook* sauvegard* serveur* service_file
            servidor* serwer* shell_script smartctl sre ssh sshd statefulset subnet subnets sunucu*
            sysadmin syslog systemctl systemd terraform traefik ufw unit_file vcenter vgextend
            vlan* vmware vps vsphere wireguard xfs zfs zsh
            ансибл* балансиров* баш башем бекап* бэкап* виртуалк* влан* впс впск* гипервиз* дебиан*
            деплои* деплой* докер* задеплой* кластер* контейнер* крон крону кубер* линукс* логам
            логах логи маршрутиз* нод нода ноду ноды раннер* сервер* снапшот* терраформ* убунт*
            фаервол* файрвол* хелм
            contêiner* déploi* déploy* コンテナ サーバー デプロイ ログ 上线 内核 回滚 备份 宕机
            容器 宿主 快照 挂载 日志 时区 机房 流水 硬盘 磁盘 续签 网关 网卡 负载 运维 部署 重启
            镜像 防火 集群 도커 로그 리눅스* 배포 백업 복구 서버 컨테이너*
        """,
        GOOD: """
            502 503 504 access_denied acl acls acme active_directory ad_account address_already
            agent_forwarding agents aggiornamento agrandir air_gapped alarm alarms alb alert
            alerting alerts all_avvio all_servers allowlist alpine already_in amber anycast apache
            apache2 api_gateway api_keys apk apparmor apt apt_mirror apt_upgrade archlinux arp
            arranca arrancar arranque artifact* at_boot at_startup audit_log audit_policy auditd
            authorized_keys autoscal* autovacuum avviare avvio awk aws azure backup backups bacula
            bandwidth barman base_image base_images bastion begrenze behind_nat bgp bind9
            bind_address bios blackbox blacklist bloat bmc bond bonding boot bootable
            bootable_device booting boots borg borgbackup borre bpftrace brute_force bucket_policy
            build_agent build_cache build_host build_server buildkit buildx ca_bundle cache_in
            caddy cai_em calico canary cannot_allocate carpetas cartelle cd cdk cdn centos ceph
            cert_manager certifica* cgnat cgroup* challenge checkmk chef chmod chown chrony chroot
            ci cidr cilium cipher circleci cis_benchmark cisco clave_ssh cli cloud_init cloudflare
            cloudformation cloudfront cloudwatch cluster* cmdlet cms_down cni cold_standby
            command_line compose configmap configmaps connection_pool connection_refused
            connection_reset conntrack consul container container_image container_logs
            containerd_shim containers copias cordon core_dump core_dumps corosync cortafuego
            cortafuegos cpu cpu_load cpus crd cron cron_entry crt cryptsetup csi csr cups cupsd
            curl cutover daemon datacenter datadog datastore dateisystem ddns ddos deb debian
            dedicated_server default_gateway degraded dev_shm df dhcp dhcp_lease dienst dienste
            dienstes dig digitalocean disaster_recovery disco disco_di discos disk disk_full
            disk_io disk_quota disk_usage disks disque disque_dur distroless dkim dnat dnf dns
            dns_01 dns_over dns_server dns_zones dnsmasq document_root domaine dominio
            dotenv_production downtime dpkg drain driver_library driver_version droits_d
            dynamic_dns dyno dysk* e2fsck earlyoom ebpf ec2 ec2_instance ecs edquot eduroam
            einrichten eks elasticsearch elb elk emergency_mode enospc entrypoint env_file
            ephemeral_storage erreichbar errimagepull error_budget espace_disque etcd_members
            etcdctl ethernet evict* exit_code exit_node expired expires exporter fail2ban failed_to
            failover fan fedora festplat* fiber_cut fibre file_descriptors filebeat filesystem*
            firewall* firing firmware_flash flannel flapping flaps fleet flow_records fluent_bit
            fluentd flux fly_io flyio fork_exec fpm fqdn free_space front_panel fsck ftp full_disk
            game_server gathering_facts gcp getopts ghcr gid gitlab gitops gke golden_image gpo
            gpu_share gpupdate gpus grep group_policy grub guest guests gunicorn hacked handshake
            handshake_failed harbor harden hardening hardware_transcoding hdd headscale
            health_check healthche* heap_dump heap_dumps heredoc heroku herstart* hetzner
            hidden_directories high_load hizmet hochfahren hochgefahren hochkomm* home_assistant
            home_quota homelab homelab_server host_key hosted_on hoster hosting hostname hosts
            hot_spare hot_swap hotfix hpa hpc htaccess htop http_01 huge_pages hugepages hyper_v
            iam icinga icmp idempotent idrac igpu ilo image_size image_tag image_tags
            imagepullbackoff imaging incident* influxdb inicializa init_container initcontainer
            initramfs inode* inotify internal_ips intranet intrusion io_error io_load io_wait
            iostat iowait ip_address ip_addresses ip_route iperf ipmi ipv4 ipv6 irq iscsi isp istio
            jboss jellyfin joindre jq jump_host juniper k0s k3s kafka katalog kdump keepalived
            kerberos kernel kernel_panic keyfile keygen keypair keystore kibana kickstart
            kiosk_browser kiosk_mode known_hosts kopia kustomize kvm lacp lambda_times laptops
            latency_spike layer layers ldap ldap_bind leader_election left_on libvirt
            lifecycle_rules lighttpd link_down linkerd linode linux live_migration livecd liveness
            log_file log_files log_level log_rotation loggar logging_driver login_node logs
            logstash lsof luks lvcreate lvreduce lvs lxc lxd mac_address macchina_virtuale
            machine_virtuelle maintenance_page maintenance_window makefile malware map_op mariadb
            masquerade max_connections mdstat memory_usage metrics microk8s migrate_the mikrotik
            minecraft_server mini_pc minikube mirror_repo module_load mongodump monitor monitoring
            montagem montaje montar montare more_replicas mosquitto mount mounted mounts mqtt mtls
            mttr mtu multi_stage multicast mx mysql mysqldump nagios nameserver* namespaces
            naming_scheme nas nat nat_gateway nat_rule nc netboot netcat netdata netflow netlify
            netmask netplan netstat netwerk* network_online network_policy network_share
            networkpolicy netz_werk netzwerk* neustart* newrelic nextcloud nexus nfs nic nicht_mehr
            nlb nmap no_responde no_space node_exporter nodeport nodes noisy_neighbor
            noisy_neighbour nomad npm_ci nslookup ntp nvidia_smi nvme nvml object_storage observab*
            octoprint offline_install on_boot on_call on_nfs oncall one_liner oneliner oneshot oom
            open_ports opensearch openshift openstack openwrt operator_pattern opnsense opsgenie
            ospf outage* overcommit overheating ovh pacemaker pack_is packer packet packet_loss
            packets pacman pagecache pagerduty pare pare_feu partition* partizion* passed_through
            passphrase passthrough pastas patch_management pem permessi permisos permission_denied
            pfsense pfx pgbackrest pgbouncer php_fpm pi_hole pid pids pihole ping ping_pero pings
            pipefail pipeline_fails pipelines plante platte playbook* plex pod pods poe poort port
            port_forwarding portar portgroup postgres postmortem* power_cycles powershell ppa
            preseed primary print_queue private_key private_registry procfs prod production promql
            protokoll* provision* proxy_reverso proxy_settings prune psu ptr public_ip public_key
            puerto pulumi puppet purge pushgateway pv pvc pvs pxe qcow2 qemu queue_stuck quorum
            quota quotas rabbitmq rack racks raid1 raid10 raid5 raid6 rancher raspberry rclone rdp
            rds read_replica readiness reboot* rechner rechte red_interna rede rede_local redfish
            redirig* redis registrar registry registry_key reinici* remote_console render_com renew
            renewal replica replica_set replicas replication replication_lag rescue_mode resilver
            resolv resolver resolver_conf resolves_twice resource_temporarily respaldar respaldo
            respaldo_semanal restart restarting restarts restartsec restaurar restaurer restic
            restic_check restore rete rete_all retention reverse_dns revert rhel riavvi* rinnov*
            ripristin* roll_back rollback rollout* root_partition rootkit rootless rotate
            rotate_logs rotation route53 route_to routing rpm rpo rsyslog rtcwake rto ruimte runner
            runners s3 saltstack salvageable samba sar sata sbatch scadut* scan_images schijf scp
            scrape scrape_interval screenrc scrub sd_card sd_cards seccomp secret_key secrets
            secrets_manager security_group sed segv self_host self_hosted self_hosting selinux
            serial_console server servern service_account service_mesh servicio_no servis servizio
            sflow sftp shebang shell shm shrink sicherung* sigkill sigterm silence sin_memoria
            sinfo single_user sli slo slurm smart smb smb_conf snap snapshots snat sni sobe_e socat
            spanning spanning_tree spazio spegnere speicher* spf spinnaker split_brain splunk
            spooler spot_instance spot_instances squeue squid ssd ssh_keygen ssl ssl_cert
            staging_environment standby start_request starta_om startet_immer state_file static_ip
            static_lease static_route stations steal_time steamcmd stonith storageclass stp strace
            stuck_in su subnet_mask subnetting sudo sudoers superblock swap swapfile swarm
            syn_flood synology sysctl sysfs sysrq system_prune systemd_analyze systemd_timer
            tag_push tail_logs tailscale taint tcp tcpdump teamcity tekton telegraf terminal
            thermal thin_provisioned throughput time_wait timed_out timedatectl timer_unit tls
            tls_cert tmp tmpfs tmux to_host toleration* too_many traceroute traffic_spike
            transcodes travis tripwire trivy truenas trunk truststore ttl ubuntu udev udp uefi uid
            ulimit ulimits umask umleit* unable_to unattended unattended_upgrades unbound
            unbound_cache unifi unix_socket unmount unreachable update_grub uprawnienia ups uptime
            uruchom* usb_drive usb_stick uvicorn uwsgi vacuum vagrant valheim varnish vault velero
            vercel vgs vhost virsh virtual_host virtualbox vllm vm vmdk vmfs vmotion vms vmstat
            volume volume_logique volumes vpa vpc vpn vrrp vswitch vxlan waf wake_on wake_up wal
            wallboard warm_standby watchdog watts weblogic webroot websphere wget whitelist
            wiederherst* wifi wildcard wildfly winrm without_downtime wol workflow_file writable
            write_ahead wsl xargs xen yedek* yum zabbix zapasow* zapora zero_downtime zerotier
            zertifikat* zigbee zombie zookeeper zpool zram zrestart* zugriffsrechte
            автозагруз* автозапуск* админ* алерт* апач* апстрим* архивир* баз базу_на базы_данных
            баш_скрипт без_интернета без_простоя без_сети белый_ip биос биосе блокировки бридж*
            брокер* вайфай вентилятор* взлом* видели_друг винд* виртуализ* виртуальн* вирус* внутрь
            вордпресс* воркер* восстанов* впн выкат* выключает выключать гостев* графан* групп*
            дамп* дежурн* джоб* диск* днс домен домена доступ_по доступы железк* железо журнал*
            жёстк* завантаж* зависает зависла загрузчик* задержк* закончилось_место запретить
            зашифрован* инод иноде инодов иноды инфраструктур* инцидент* кабинете канареечн*
            каталог* квот* кибан* кликхаус* ключ_api ключ_ssh ключи_ssh командой команду
            коммутатор* компов компы компьютер* консоли копии копий кролик лимит* линух* лог логе
            локалк* майнер* маршрут* маск* мереж* метрик* миграция_базы монго* мониторинг* монтир*
            місц* на_ноде на_хосте нагрузк* найти_файлы накатить наружу настроить настрой не_видит
            не_грузится не_открывается не_пингуется не_стартует нет_места нет_сети обнов* образ
            образа образы общий_хостинг однострочник* окружен* оперативк* отваливается откат*
            очередь_rabbitmq пайплайн* пакетов памят* папк* пароль_root патч переезд* переезжать
            переехать перезагру* перезалив* перезапус* переменные_окружения перенаправ*
            перенести_базу переставить_систему переустанов* песочниц* пинг* планировщик*
            поднять_впн поднять_кластер поднять_сервер подов подсет* поды порт порта порты
            поставить_на постгрес* потер* почтов* права_доступа проброс* провайдер* прод прода
            проде прокинуть прокси_сервер проксмокс* прометеус* пропуск* простоем простой процес*
            прошивк* пулер* рабочей_станции разверни развернуть разворач* раздавала раздача раздаёт
            раздел_диска раскат* ребут* редис* реестр_образов резервн* рейд рейда релиз* рестарт*
            роутер* рут рута рутом рэббит* самба сборки_образа свитч* свободное_место секретов
            секреты секторов сервиса сервіс* сертификат* сетевая сетевух* сети сеть симлинк*
            скриптом_баш слои слой служб* сокет* старту* статический_ip стенд стенды стойк* субд
            таблиц_маршрутизации таймауты таймер терминал* тестовый_стенд том тома точка_доступа
            узел узла узлы упал_сервер установить_на утилит* учетк* учётк* хост хоста хостинг*
            хостов хосту хосты хранилищ* хранить_секреты чарт чарты шара шард* шару шедулер* шелл*
            шлюз_по энджинкс* юнита ядра ядро
            abgestürzt ağda bağlan* başlatıl* behållar* brandvägg* contraseña_root démarre_plus
            démonter espaço günlük* hasło hårddisk* lvm_раздел lvm_том nätverk* pamięć partición
            partiç* permissões redémarr* réparer_le réseau réseau_docker server_är serviço
            serviço_systemd sieć smart_диск ssh_ключ sudo_без systemd_таймер säkerhetskopi* süreç
            usługa vault_в vertrauenswürdig* öppna コマンド サービス ディスク ネットワーク
            バックアップ ファイアウォール プロセス ポート メモリ 上传 不起 不通 专线 丢包 丢请 主从
            主机 主节 云主 云服 交换 从节 仓库 代理 传到 伸缩 值班 停机 光纤 免密 入侵 公网 公钥
            内外 内存 内网 再起 写满 冷备 分区 分片 切割 切换 副本 加固 升级 华为 占了 占满 占用
            卡住 卡死 压测 压缩 双活 反代 发布 句柄 另一 只读 启动 告警 命令 回收 回源 均衡 域名
            堆积 备案 备用 复盘 外网 大版 子网 存储 存活 安全 定位 定时 审计 容量 密钥 导出 带宽
            平滑 应急 延时 开机 异地 弹性 归档 復元 心跳 慢查 打不 打标 打满 扛不 扩大 扩容 扩缩
            批处 批量 抓包 拉起 拒绝 拨号 挂了 挂掉 挂起 指标 换源 掉线 排查 探针 接続 攻击 放开
            放行 故障 断网 无响 暴力 服务 机器 权限 构建 模板 権限 没生 泛域 流量 测速 清理 清空
            源站 满了 漏洞 演练 灰度 灾备 热备 爆满 生效 登录 登陆 监控 監視 目录 看门 破解 硬路
            確認 私钥 穿透 端口 线上 线路 组网 终端 网口 网桥 网段 网络 脑裂 脚本 腾讯 自動 自启
            节点 虚拟 补丁 被杀 装系 规则 設定 証明 证书 调度 资源 起不 起動 路由 跳板 跳转 转发
            轮询 软路 迁移 进程 远程 连不 选主 释放 重定 重装 重连 闲置 阈值 防护 阿里 限制 限速
            隧道 静态 面板 频繁 驱逐 네트워크* 느려 도메인* 디스크* 리눅 방화 방화벽* 부팅 설정
            열려 용량 장애 재시작* 포트
        """,
        WEAK: """
            bridge broker bucket cache cached cloud command* config* connect connected connection
            denied domain env gateway gb healthy host image install installed ip ips job jobs lan
            latency load log mb memory network patched patching permission* pipeline ports process
            processes proxy ram release root router servers service services slow snapshot staging
            storage switch tb timed timeout traffic tunnel unavailable update upgrade url worker
            workers
            базу базы виснет доступ* команд* конфиг* корн* машин* места место настро* подключ*
            прокси ресурс* сервис* сетев* таймаут* туннел* упал* шлюз*
            任务 延迟 系统 缓存 超时 运行 连接 配置
        """,
    },
}
"""The words of code and of operations."""
