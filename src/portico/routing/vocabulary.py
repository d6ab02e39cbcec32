"""
The words that tell the kinds of work apart, and how much each tells. Data, for `words`.

`stem*` stands for every word that begins so (three letters or more), `two_words` for a pair, and
two Chinese characters for themselves. A word may speak for several roles.
"""

from collections.abc import Mapping

from portico.routing.signals import CODE, DESIGN, DEVOPS

STRONG, GOOD, WEAK = 2.4, 1.4, 0.6

type Vocabulary = Mapping[str, Mapping[float, str]]

WORK: Vocabulary = {
    CODE: {
        STRONG: """
            코드 함수 변수 배열 재귀 refactor* debug* unittest* pytest jest junit vitest unit_test
            unit_tests code_review pull_request algorithm* recursi* regex* regexp leetcode
            segfault coroutine* decorator* generics mypy pyright eslint compiler* stack_trace
            stacktrace deadlock* race_condition memory_leak type_hint type_hints big_o linked_list
            binary_search hash_map hashmap data_structure data_structures source_code
            context_manager list_comprehension docstring* codebase dataframe* asyncio goroutine*
            typedef polymorphi* memoiz* segmentation_fault null_pointer undefined_reference
            syntax_error dynamic_programming рефактор* отрефактор* дебаг* отлад* юнит* регулярк*
            регулярн* алгоритм* рекурс* компилир* компилятор* декоратор* функци* исключени* код
            кода коде коду кодом сверста* замыкани* докстринг* код_ревью 代码 重构 函数 算法 递归
            编译 单元 调试 正则 变量 异步 报错 编程 单测 源码 爬虫 闭包 泛型 回调 协程 链表 二叉
            数组 构造 子类 父类 código codice códigos refator* refactoris* funktion* fonction*
            función funciones função funções funzion* funkcj* funkci* fonksiyon* функці* kod kodu
            kodzie コード 関数 変数 配列 파이썬* programmier* programowan* algoritm* algorithmus
            ricorsiv* récursi* rekursi*
        """,
        GOOD: """
            skript_in programmieren programmiere programmier dictionary dictionaries vererben
            schnittstelle ausgabe rekursion scrivi_una écris_une écris_un fonctionne_pas
            écrire_une escribe_una programa programar ordenación cadenas bibliotecas requête
            consulta consultas query_sql funzione stringa lista_di array_di dizionario
            ereditarietà napisz_funkcję programie pętla tablic* wyjątek słownik listę_w yazılım
            kodlama dizin fonksiyon sıralar програм* масив словник цикл змінна помилка_в 自바 자바
            자바스크립트 리스트 반복 문자 コードを プログラム 辞書 リスト 文字列 再帰 例外 型 修正
            打印 输出 拼接 截取 遍历 下标 越界 溢出 空值 判空 取整 四舍 随机 质数 阶乘 斐波 回文
            多边 几何 坐标系 面向 子串 大小写 转义 缩进 语言里 写法 两个    运行时
            内存泄 断点 断言 桩 覆盖 重载 重写 私有 静态 抽象 委托 事件 订阅 渲染 卡顿 小程 滑动
            前缀 后缀 倒序 升序 降序 спарк* спарке эксель экселе формула формулу скрипт_на
            программ* программир* вычисл* посчитать_в оператор оператора условие цикла декремент
            отладч* брейкпоинт* профилир* сборщик_мусора деструктур* дескриптор* геттер* сеттер*
            наслед* переопредел* шаблон_проектирования паттерн паттерны плагин* вебхук* библиотеку
            распаков* сравнивать_строки кодировк* округл* дробн* целочислен* остат* верни вернуть
            датафрейм* джейсон json_в генератора итерир* исходник* приватн* метакласс* сигнатур*
            перечисление обработчик* колбэк* колбек* промис* хук хуки стейт пропс* рендер*
            ререндер* вью_модель вьюмодел* корутина бинарный дебажить запрос_sql sql_запрос
            подзапрос* script object_oriented objectoriented oop spark pyspark airflow dag dags
            hot_reload google_sheet spreadsheet_formula excel_formula formula webhook webhooks
            openapi swagger stripe shopify wordpress_plugin plugin sdk pseudo neural_network
            classifier random_forest nlp llm_app prompt_template langchain embeddings_in
            json_schema xml_parser xpath xslt yaml_parser markdown_parser game_loop physics_engine
            collision collisions sprite sprites gameplay classloader reflection sandbox_code
            turtle scratch bubble_sort insertion_sort sorts programming programmer programs prints
            printing subtract multiply divide divisible fizzbuzz tic_tac calculator converter
            guessing_game chatbot leaderboard_code while true_false equals hashcode tostring
            override final_keyword readonly namespace_php trait_bound smart_pointer shared_ptr
            unique_ptr template_class stl vector vectors const constexpr header_file makefile_c
            valgrind gdb lldb breakpoint breakpoints stepping profiler profiling benchmark
            benchmarks hotspot allocations gc_pause big_decimal bigint nan infinity division_by
            zero_division modulo_operator 버그 예외 오류 에러 객체 정렬 python javascript
            typescript golang java kotlin rust swift php ruby scala haskell julia elixir clojure
            erlang perl lua dart cpp csharp dotnet matlab fortran cobol solidity rustc django
            flask fastapi pandas sqlalchemy hibernate redux webpack numpy scipy pytorch tensorflow
            keras sklearn matplotlib seaborn polars pydantic celery requests httpx spring react
            vue svelte angular nextjs nuxt jquery express nodejs deno vite babel rails laravel
            symfony flutter swiftui jetpack unity godot pygame arduino micropython qt tkinter
            opencv cuda wasm webassembly graphql grpc protobuf orm mockito jpa function functions
            method methods subclass superclass constructor* inherit* overrid* overload* polymorph*
            encapsul* mixin metaclass dataclass* singleton bug bugs buggy bugfix implement
            implements implementing exception exceptions parser* parse parses parsed parsing
            compile* compiling serializ* deserial* variable* html jsx tsx tailwind pointer
            pointers array arrays iterator* generator* closure* callback* promise* await async
            mutex semaphore* thread threads threading multithread* thread_safe lambda enum* struct
            structs tuple* dict dicts dictionar* hashset hash_table linter linting snippet
            endpoint* sql coding undefined boolean booleans int integer integers float floats loop
            loops nested mock mocks mocking stub stubs monkeypatch fixture* assert* typing typed
            annotation* idiomatic off_by legacy_code argparse sorted sorting reverse_a groupby
            vectoriz* vectoris* json_parse time_complexity complexity stdin stdout traceback
            foreach for_loop while_loop if_else ternary bitwise modulo regexes rebase git_merge
            merge_conflict cherry_pick type_error typeerror keyerror valueerror nullable nullptr
            nil volatile macro macros interrupt* firmware delegate* usestate useeffect setstate
            rerender* widget_tree dom queryselector onclick keydown select_from join joins
            subquer* left_join group_by primary_key foreign_key def stack_overflow heap deque trie
            backtrack* bfs dfs dijkstra parametri* immutable unhashable iterable subscriptable
            linker debounce throttle middleware pagination метода методы методов класса классе
            классы баг баги бага багу реализуй* реализова* цикле циклов массив* перемен* парсер*
            парсит* парсинг* тесты тест тестами протестир* типов типизир* асинхрон* библиоте*
            напиши_код джав* раст джанго реакт типизац* наследов* словарь словаре корутин*
            эндпоинт* хендлер* джойн* компонент аннотац* конструктор* перепиши_без рантайм*
            итератор* генератор* питон* котлин* тайпскрипт* джаваскрипт* аргумент* сортиров*
            указател* линтер* дерев* переписать_на 类型 接口 方法 循环 线程 异常 测试 解析 实现
            语法 指针 对象 前端 后端 程序 字符 死锁 字典 排序 继承 多态 用例 语句 参数 复杂 组件
            编码 单例 限流 装饰 事务 死循 fehler* klasse* método métodos classe clase méthode
            schleife boucle bucle laço eccezion* excepción exceção metodo ciclo ausnahme クラス
            メソッド テスト リファクタリング ループ 클래스* 딕셔너리* 메서드* promesa*
            compréhension arreglo vetor klas* sınıf* dizi* döngü* pętl* zmienn* метод клас змінн*
            kwargs args self init elif isinstance enumerate staticmethod classmethod
            abstractmethod dunder getter setter yield segfaults null_check nonetype cast casting
            coerce splice slice slicing substring concat concatenat* strip tokeniz* lexer ast
            bytecode interpreter transpil* minif* polyfill bundler npm pnpm yarn pip poetry cargo
            gradle maven cmake pypi crate crates nuget composer gem gems virtualenv venv tsconfig
            stash squash bisect codegen scaffold boilerplate stubbing coverage tdd
            integration_test unit_testing property_based flaky arithmetic rounding timezone
            datetime strftime unicode utf8 encode encoding decode decoding base64 hashing bcrypt
            cors fetch axios localstorage hydration ssr state_management zustand pinia vuex
            listener event_handler eventlistener callback_hell observable rxjs optional_chaining
            destructur* hoisting arrow_function immutability pure_function side_effect
            higher_order currying functor monad pattern_matching match_case switch_case
            dependency_injection design_pattern factory_pattern observer solid_principles dto crud
            ddl upsert window_function cte transaction transactions isolation_level lazy_loading
            eager prepared_statement alembic activerecord prisma knex sequelize mongoose
            aggregation matrix matrices broadcasting gradient_descent backprop* tensor tensors
            epoch epochs overfit* confusion_matrix shader opengl vulkan raycast pathfind*
            quicksort mergesort quadtree bloom_filter graph_traversal topological modulus prime
            primes fibonacci palindrome anagram parity bitmask endianness allocator malloc
            dangling use_after borrow_checker lifetime lifetimes unwrap trait traits impl
            waitgroup defer nil_pointer nullpointer* guard_clause codable viewmodel livedata
            recyclerview composable linq entity_framework winforms wpf xaml vba apps_script
            userscript bookmarklet web_scraping scraper beautifulsoup selenium playwright
            puppeteer cypress discord_bot telegram_bot aiogram pseudocode infinite_loop dead_code
            smells code_smell cyclomatic extract_method strong_typing duck_typing gc возвращает
            кидает бросает вызов вызова вызывает отсортир* распарс* валидац* блокировк* мьютекс*
            наследник* перегрузк* полиморф* инкапсул* сериализ* десериализ* регэксп* скобк*
            синтаксис* интерпретатор* зависимост* граф графа бинарн* хеш хэш итерац* тернарн*
            дженерик* перечислен* мемоиз* покрыти* стаб моки мок мокать замокать фикстур* ветк*
            мёрж* мерж* ребейз* коммит* библиотека фреймворк* бот бота скрейп* тензор* указатель
            过滤 映射 去重 转换 校验 引用 拷贝 泄漏 依赖 分支 合并 提交 注释 命名 常量 枚举 结构
            哈希 队列 回溯 贪心 矩阵 浮点 精度 解码 加密 序列 迭代 生成 钩子 属性 监听 抛出 空指
            崩溃 动态 反射 注解 匹配 variablen clases objeto objetos hilo herencia bibliothèque
            bibliothek zeiger erbt vererbung klassen ereditariet* puntator* variabil* wskaźnik*
            testy testów metoda metody dziedzicz* parametre değişken* yöntem* спадкув* ポインタ
            スレッド アルゴリズム バグ エラー ライブラリ 알고리즘* 스레드* sıral* ordina ordenar
            ordeno ordene trier sortier* schreib_eine parcour* itér* iterar
        """,
        WEAK: """
            逻辑 框架 scripts css browser webpage lines line crashing writes reads solution
            exercises exercise bytes keys lists numbers class classes object objects string
            strings type types test tests git commit commits merge library module modules api json
            query queries sort error errors crash* fails optimi* schema return returns input
            output performance syntax package import throws raise raises component* hook hooks
            frontend backend repo rename lib console print build convert null none csv example
            rows row index plot program instance argument arguments parameter* expression operator
            loss training overflow ошибк* объект* строк* скрипт* модул* быстре* оптимиз* падает
            апи компонент* таблиц* консол* индекс* миграци* класс тип типы список списка запрос*
            поле пример возвраща* числ* значени* 错误 优化 查询 写个 怎么写 模块 返回 性能 索引 列表 数据 输入
            页面 判断 抛异 fallo falla erreur errore erro 테스트* cadena chaîne liste list
        """,
    },
    DEVOPS: {
        STRONG: """
            서버 배포 로그 도커 백업 복구 docker* kubernetes k8s kubectl helm terraform ansible
            systemd systemctl journalctl journald nginx haproxy traefik envoy prometheus grafana
            alertma* loki esxi vmware vcenter vsphere proxmox lvm vlan* iptables nftables
            firewalld ufw wireguard openvpn crontab cronjob ssh sshd rsync bash zsh ci_cd jenkins
            deploy* redeploy* crashloo* oomkill* dmesg syslog logrotate certbot letsencr* runbook*
            sre hypervis* load_balancer argocd gitlab_ci github_actions kubelet etcd zfs raid
            ingress daemonset statefulset minio pg_dump lvextend pvresize vgextend lsblk fdisk
            resize2fs mkfs xfs ext4 fstab btrfs smartctl mdadm podman containerd shell_script
            load_average disk_space service_file unit_file reverse_proxy docker_compose
            rolling_update blue_green sysadmin vps subnet subnets докер* кубер* контейнер* деплой*
            деплои* задеплой* логи логах логам балансиров* сервер сервере сервера серверу серверов
            серверы крон крону бэкап* бекап* хелм ансибл* терраформ* фаервол* файрвол* гипервиз*
            виртуалк* влан* кластер* нода ноды ноду снапшот* нод маршрутиз* впс впск* линукс*
            убунт* дебиан* баш башем раннер* 容器 部署 集群 镜像 运维 磁盘 备份 防火 挂载 内核
            网关 重启 宕机 上线 回滚 网卡 流水 运行环 负载 宿主 快照 服务器 续签 时区 硬盘 机房
            日志 contenedor* contêiner* conteneur* desplieg* despleg* implanta* déploi* déploy*
            bereitst* journaux registros コンテナ サーバー ログ デプロイ servidor* serveur*
            sauvegard* 컨테이너* 리눅스* kontener* serwer* sunucu* сервер*
        """,
        GOOD: """
            startet_immer hochgefahren abgestürzt festplatte dateisystem rechte zugriffsrechte
            firewall einrichten netz_werk rechner dienst_startet démarre_plus redémarre plante
            pare espace_disque droits_d machine_virtuelle réparer_le permisos carpetas arranca
            servicio_no clave_ssh cortafuego contraseña_root red_interna permissões pastas
            inicializa serviço rede_local proxy_reverso cartelle permessi avvio servizio
            macchina_virtuale uprawnienia usługa katalog zapora sunucuda süreç servis hizmet
            başlatıl* служб* сервіс* старту* перезапуск* місц* 명령어 프로세스 메모리 리눅 네트워
            방화 재부팅 설정 設定 プロセス 再起動 監視 権限 接続 打不 断网 专线 线路 切换 备用
            逻辑卷 扩大 拉起 崩溃后 登录 登陆 用户组 只读 卡死 宕 重连 掉线 频繁 抓包 测速 延时
            内存不 起不 不起 连接不 超时了 文件系 清空 释放 占满 弹性 伸缩 发布流 灾备 双活 热备
            冷备 异地 迁移到 批处 装系 系统盘 数据盘 网口 光纤 交换机 防护 攻击 入侵 漏洞 补丁
            加固 审计 шедулер* брокер* кликхаус* шард* шарды шардам пулер* реплик* шара шару самба
            вордпресс* взлом* вирус* майнер* хостинг* провайдер* белый_ip статический_ip маск*
            шлюз_по поднять_сервер поднять_кластер упал_сервер не_пингуется ключи_ssh автозапуск*
            автозагруз* вентилятор* прошивк* обнов* кластера на_хосте хостов на_ноде ребут*
            перезалив* переезд* перенести_базу дамп* реестр_образов образ образа образы
            сборки_образа слой слои переменные_окружения секреты секретов vault_в учётк* учетк*
            пароль_root доступ_по журнал* службы таблиц_маршрутизации нет_места закончилось_место
            свободное_место каталог* папк* симлинк* утилит* терминале командой команду
            однострочник* скриптом_баш баш_скрипт lambda_times api_gateway dyno heroku render_com
            flyio fly_io vercel netlify print_queue cups cupsd queue_stuck flaps flapping
            link_down spanning wifi eduroam ldap_bind ad_account gpupdate group_policy hotfix
            maintenance_window downtime cutover migrate_the air_gapped offline_install mirror_repo
            apt_mirror proxy_settings behind_nat public_ip dynamic_dns ddns ddos syn_flood
            brute_force hacked malware rootkit intrusion harden hardening cis_benchmark auditd
            tripwire patch_management unattended unattended_upgrades steamcmd game_server
            dedicated_server minecraft_server valheim self_hosting self_host nextcloud jellyfin
            plex home_assistant tailscale zerotier headscale api_keys secret_key secrets_manager
            secrets env_file dotenv_production image_tag image_tags private_registry docker_hub
            scan_images trivy push_an tag_push pipeline_fails build_agent build_server agents
            webroot document_root permission_denied quota quotas disk_quota edquot enospc no_space
            left_on io_error bind_address address_already already_in start_request failed_to
            connection_refused connection_reset timed_out handshake_failed cannot_allocate
            host_key authorized_keys keygen ssh_keygen passphrase agent_forwarding two_hosts
            all_hosts every_host all_servers each_host whitelist blacklist allowlist fleet
            golden_image kickstart preseed imaging laptops netboot reboot_loop won_t post_code
            amber front_panel led_blinking hot_swap psu thermal fan overheating watts 포트 장애
            용량 port_forwarding health_check lifecycle_rules logs logging_driver pod pods
            replicas container containers cluster* pipelines linux ubuntu debian centos rhel
            fedora alpine archlinux kernel initramfs grub bios uefi filesystem* inode* partition*
            mount mounts mounted unmount subnetting dns dhcp tls ssl certifica* firewall* vm vms
            vpn outage* incident* oncall on_call postmortem* failover provision* rollout* rollback
            roll_back revert oom uptime aws gcp azure ec2 s3 rds eks gke iam awk sed grep xargs
            curl wget chmod chown sudo su apt yum dnf apk pacman snap cron disk disks volume
            volumes daemon gitlab registry unreachable restarting restarts reboot* netplan
            exit_code cpu cpus throughput healthche* liveness readiness 502 503 504 restart backup
            backups restore snapshots replication pgbouncer postgres mysql mariadb redis rabbitmq
            kafka zookeeper elasticsearch opensearch mqtt mosquitto mtu tcpdump netstat hostname
            nodes sysctl swap makefile compose scrape alert alerts alerting alarm alarms silence
            metrics monitor monitoring observab* gunicorn uwsgi df lsof strace iostat vmstat htop
            ping pings traceroute dig nslookup nfs iscsi ceph samba smb datastore nvme ssd hdd
            sata smart raid5 raid6 raid10 raid1 packet packets packet_loss udp tcp icmp iperf
            latency_spike routing bgp ospf anycast nat masquerade dnat snat vxlan bond bonding
            trunk portgroup ethernet nic irq numa hugepages huge_pages ulimit cgroup* namespaces
            selinux apparmor fail2ban sigkill sigterm segv core_dump kdump stonith pacemaker
            keepalived vrrp corosync canary cdn waf tmux screenrc ppa rpm deb systemd_timer
            timer_unit shell terminal cli command_line one_liner oneliner sysfs procfs tmp tmpfs
            root_partition disk_full playbook* vault runner runners self_hosted artifact*
            workflow_file ci cd staging_environment prod production hosts known_hosts public_key
            private_key keypair bastion jump_host registrar mx spf dkim nameserver* ttl hosting
            hoster datacenter rack racks ipmi idrac ilo pxe retention object_storage wal rpo rto
            replica standby primary autoscal* hpa vpa taint toleration* cordon drain evict* crd
            operator_pattern etcdctl лог логе пайплайн* диск диска диске дисков диски впн порт
            порты порта сертификат* памят* перезапус* перезагру* рестарт* мониторинг* алерт* том
            тома монтир* ядро ядра инцидент* подсет* хост хоста хосту хосты прод прода проде узел
            узла узлы поды подов хранилищ* откат* откатить нагрузк* метрик* маршрут* оперативк*
            процессор* воркер* сеть сети пинг* пингу* процесс процесса процессы рут рутом рута
            права_доступа джоб* раздел_диска lvm_раздел развернуть разверни разворач*
            обновления_ядра обновлен* простой простоем баз базу_на релиз* консоли терминал* 端口
            网络 主机 节点 监控 命令 虚拟 域名 流量 内存 启动 分区 扩容 告警 脚本 排查 进程 证书
            发布 带宽 均衡 代理 主从 定时 路由 交换 服务 机器 压缩 批量 限制 线上 定位 权限 存储
            占用 puerto disque disco discos platte speicher* netzwerk* festplat* sicherung*
            protokoll* respaldo rete réseau rede ディスク ポート コマンド ネットワーク 디스크*
            네트워크* 재시작* partición partizion* partiç* certificat certificado* zertifikat*
            port reinici* redémarr* neustart* riavvi* server servidor pamięć dysk* мереж* диск*
            процес* aggiornamento umleit* redirig* boot boots booting stuck_in expired expires
            renew renewal rotate rotation live_migration pid pids zombie uid gid umask sudoers acl
            acls resolv resolver fqdn acme csr keystore truststore cipher handshake mtls sni vhost
            virtual_host htaccess apache apache2 caddy lighttpd php_fpm fpm unix_socket oneshot
            restartsec watchdog rsyslog fluentd fluent_bit logstash kibana filebeat elk splunk
            datadog newrelic zabbix nagios icinga checkmk netdata telegraf influxdb promql
            exporter node_exporter blackbox pushgateway pagerduty opsgenie slo sli error_budget
            mttr disaster_recovery cold_standby warm_standby split_brain quorum leader_election
            consul nomad swarm rancher k3s k0s microk8s minikube openshift istio linkerd cilium
            calico flannel cni csi pvc pv storageclass configmap configmaps initcontainer
            init_container imagepullbackoff errimagepull nodeport clusterip service_mesh kustomize
            flux gitops spinnaker tekton circleci travis teamcity nexus artifactory harbor
            dockerhub ghcr multi_stage build_cache buildkit buildx layer layers dockerignore
            distroless entrypoint seccomp rootless cloudformation pulumi cdk packer vagrant
            cloud_init puppet chef saltstack idempotent cloudfront route53 cloudwatch elb alb nlb
            ec2_instance autoscaling vpc security_group nat_gateway bucket_policy hetzner
            digitalocean linode ovh cloudflare openstack libvirt kvm qemu virsh xen hyper_v
            virtualbox vmdk vmfs vmotion vswitch thin_provisioned overcommit steal_time iowait
            io_wait pagecache fsck e2fsck superblock lvs vgs pvs lvcreate lvreduce luks cryptsetup
            scrub resilver zpool mdstat degraded hot_spare lacp stp spanning_tree arp mac_address
            ipv6 ipv4 cidr netmask default_gateway static_route ip_route conntrack nmap netcat nc
            socat sftp scp ftp rclone restic borg borgbackup bacula barman pgbackrest mysqldump
            mongodump replication_lag replica_set vacuum autovacuum bloat max_connections
            connection_pool ntp chrony timedatectl update_grub kernel_panic rescue_mode
            single_user chroot livecd swapfile zram earlyoom ulimits file_descriptors too_many
            inotify sysrq ebpf bpftrace sar heredoc shebang getopts pipefail powershell cmdlet
            registry_key active_directory gpo ldap kerberos radius rdp winrm wsl spooler squid
            dnsmasq bind9 unbound pihole pi_hole raspberry truenas synology nas homelab mikrotik
            openwrt pfsense opnsense unifi cisco juniper poe ups serial_console bmc redfish
            зависает зависла не_стартует групп* ключ_ssh домен домена почтов* резервн* восстанов*
            виртуальн* жёстк* рейд рейда пропуск* задержк* потер* пакетов бридж* админ* дежурн*
            расписани* планировщик* перенаправ* проброс* сокет* раскат* выкат* канареечн*
            прометеус* графан* кибан* энджинкс* апач* шелл* винд* линух* железо железк* стойк*
            коммутатор* роутер* квот* лимит* чарт чарты 卡住 拒绝 不通 规则 转发 隧道 迁移 升级
            灰度 探针 副本 调度 驱逐 堆积 丢包 网段 子网 网桥 模板 仓库 构建 密钥 清理 归档 切割
            面板 指标 阈值 值班 故障 复盘 应急 演练 连不 内网 外网 公网 云主 跳板 远程 终端 目录
            挂掉 写满 满了 爆满 重装 自启 开机 respaldar restaurar arrancar dominio cortafuegos
            sauvegarder restaurer pare_feu disque_dur redémarrage domaine wiederherst* hochfahren
            dienst dienste ripristin* spazio espaço kopia zapasow* dysku uruchom* yedek* günlük*
            завантаж* 방화벽* 도메인* バックアップ ファイアウォール メモリ 再起 起動 証明 復元
            容量
        """,
        WEAK: """
            log servers ports env staging memory ram latency timeout pipeline image timed process
            processes command* host network proxy tunnel connection connect connected snapshot
            bridge root permission* denied lan ip ips gateway router switch storage bucket service
            services healthy config* worker workers upgrade patching patched update slow job jobs
            cache cached install installed url domain traffic load unavailable broker cloud
            release gb tb mb команд* сетев* прокси шлюз* настро* сервис* туннел* таймаут* конфиг*
            подключ* доступ* машин* ресурс* упал* базы базу места место корн* обновл* виснет 配置
            连接 超时 任务 延迟 运行 数据库 缓存 系统
        """,
    },
    DESIGN: {
        STRONG: """
            ux figma wireframe* moodboard* usabilit* heuristic* design_system user_flow user_flows
            user_journey white_space whitespace visual_hierarchy information_architecture wcag
            kerning aesthetic* critique* affordan* architect* monolith* adr rfc trade_offs
            tradeoff* bounded_context high_level redesign* rebrand* microcopy empty_state
            empty_states designer* designing material_design call_to visual_language
            visual_identity pros_and color_scheme colour_scheme tone_of style_guide touch_target
            touch_targets юзабил* редизайн* мудборд* айдентик* архитект* монолит* дизайнер*
            фирменн* ux_аудит юикс 设计 架构 体验 美观 改版 留白 可用 易用 选型 单体 diseñ*
            gestalt* ergonom* oberfläc* architekt* arquitet* arquitec* architett* 아키텍처*
            identidade identité identidad monolithe monolito
        """,
        GOOD: """
            大框 整体架 三期 分期 会员 体系 包装 方向 介绍 文章 诗 祝福 解释 减少 步骤 взвесь
            варианты гипотез* настроение презентац* разложил придумай накидай пуш пуши деликатн*
            тексты тексты_для идею подача рассказ сочини стих поздравл* overkill options decide
            reasoning weigh target_picture phases simplest_way big_picture next_step trade
            first_glance newsletter copywriting wording welcome_text hiring_ad cover_letter
            bullet_points essay poem haiku story lore 추천 개선 단순 dark_pattern dark_patterns
            onboarding persona personas prototyp* brand branding accessib* microserv* scalab*
            roadmap* multi_tenant event_driven stakeholder* hierarchy illustration* tagline slogan
            tone conversion strateg* clutter* cramped readab* legible visually microinteraction*
            plan planning pricing pros ownership split variants monetiz* positioning concept*
            audience screen_reader screen_readers low_vision colour_blind color_blind haptic*
            elderly gestures workshop journey journeys personal_brand naming mvp discovery
            interview* survey_users kpi okr event_sourcing cqrs domain_model domain_driven
            data_platform data_lake warehouse_or build_vs vs versus compare narrative масштаб*
            стратег* роадмап* удобн* плюсы план микросерв* концепци* референс* сценари* оформл*
            визуал* композиц* слоган* приоритет* исследован* структур* навигац* персон* предлож*
            微服 规划 方案 对比 风格 间距 层次 无障 引导 响应 拆分 权衡 优缺 取舍 扩展 并发 领域
            流程 整体 文案 适合 高峰 吉祥 品牌 用户 老年 accesib* acessib* accessibilit* marca
            hierarch* avantages ventajas vantagens vorteile planung estrateg* stratég* 사용자*
            オススメ sitemap card_sorting tree_test eye_tracking affinity empathy_map
            value_proposition landing_page above_the cta gamification first_time churn retention
            delight friction social_proof progressive_disclosure chunking wayfinding signage
            editorial magazine print_layout golden_ratio rhythm serif sans_serif letterspacing
            line_height pairing colour_theory color_theory accent_color art_direction mood
            storytelling storyboard pitch_deck infographic motion_design easing system_design
            modular_monolith hexagonal event_bus build_or buy_or offline_first strangler
            milestones prioritise prioritize prioritis* prioritiz* moscow risks brief целев*
            аудитор* воронк* конверс* доступност* незряч* слабовид* пожил* детск* концепт* нейминг
            позиционир* бриф* этап* риски рисками модульн* границ* верхнеуровнев* схем*
            ребрендинг* 受众 漏斗 转化 信任 简洁 极简 气质 调性 氛围 动效 故事 主视 口号 标语 名字
            起名 路线 优先 里程 边界 解耦 儿童 老人 长辈 易懂 友好 nutzerfluss zielgruppe
            experiencia_de simplific* simplifi* vereinfach* 사용성 브랜드* ブランド ユーザー
            コンセプト odbiorc* kullanıcı* tasarım* markay*
        """,
        WEAK: """
            feedback propose* suggest* recommend* improve* better idea* style look cleaner modern
            minimal confus* app apps customer* client clients user users mobile phone phones flow
            people reader* visitors friendly simple should choose choice reasons write совет*
            улучш* посовет* стил* лучше идеи вариант* клиент* заказчик* люди людям 建议 改进 客户
            更好 移动 首页 应该 学生 推荐 mejor* melhor* améliorer verbesser* miglior* propon*
            conseil* suger* clientes
        """,
    },
}
"""Words of a trade: they tell with and without a picture."""
