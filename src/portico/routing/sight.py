"""The words of design, of looking at pictures, and of habit. Data, as in `vocabulary`."""

from portico.routing.signals import CODE, DESIGN, DEVOPS, VISION
from portico.routing.vocabulary import FAINT, GOOD, STRONG, WEAK, Vocabulary

DESIGNING: Vocabulary = {
    DESIGN: {
        STRONG: """
            adr aesthetic* affordan* architect* architekt* architett* arquitec* arquitet*
            bounded_context call_to color_scheme colour_scheme critique* design_system designer*
            designing empty_state empty_states ergonom* figma gestalt* heuristic* high_level
            identidad identidade information_architecture kerning material_design microcopy
            monolith* monolito moodboard* pros_and rebrand* redesign* rfc style_guide tone_of
            touch_target touch_targets trade_offs tradeoff* usabilit* user_flow user_flows
            user_journey ux visual_hierarchy visual_identity visual_language wcag white_space
            whitespace wireframe*
            айдентик* архитект* дизайнер* монолит* мудборд* редизайн* фирменн* юзабил* юикс
            diseñ* identité oberfläc* ux_аудит 体验 单体 可用 改版 易用 架构 留白 美观 设计 选型
            아키텍처*
        """,
        GOOD: """
            accent_color accesib* accessib* acessib* affinity art_direction audience avantages
            big_picture blast_radius brand branding brief brochure build_or build_vs bullet_points
            buy_or calm caption captions card_sorting cfo chunking churn clutter* colleague
            color_blind color_theory colour_blind colour_theory compare concept* conversion
            copywriting council cover_letter cqrs cramped criteria crop cta curator dark_pattern
            dark_patterns data_lake data_platform decide decision_criteria delight discovery
            domain_driven domain_model easing editorial elderly elderly_people empathy_map essay
            estrateg* event_bus event_driven event_sourcing exhibition eye_tracking families
            feelings festive first_glance first_time friction gamification gestures golden_ratio
            greeting haiku haptic* headline hexagonal hierarch* hiring_ad illustration* infographic
            interview* journey journeys kpi landing_page leaflet legible letterspacing line_height
            lore low_vision magazine marca markay* masthead memorial microinteraction* microserv*
            milestones modular_monolith monetiz* mood moscow motion_design multi_tenant mvp naming
            narrative neighbours newsletter next_step nutzerfluss odbiorc* offline_first okr
            onboarding options overkill ownership pairing pass_the patients persona personas
            persuade phases pitch_deck plan planning planung poem polite positioning pricing
            principles print_layout prioritis* prioritiz* progressive_disclosure pros prototyp*
            readab* reasoning recommendation reminder reporter reporters respectful retention
            rethink rhythm ribbon risks roadmap* sans_serif scalab* screen_reader screen_readers
            seams section_headings serif shaming signage simplest_way simplifi* sitemap slogan
            social_proof split stakeholder* story storyboard storytelling strangler strateg*
            system_design tagline target_picture tension tone trade tree_test trustworthy
            value_proposition vantagens variants ventajas vereinfach* versus visually vorteile vs
            waiting_room wayfinding weigh welcome_text welcoming wheelchair wording workshop
            zielgruppe
            аудитор* афишу без_реализации бриф* варианты верхнеуровнев* взвесь визуал* воздуха
            воронк* гипотез* деликатн* детск* доклад* доступност* злоде* зрител* идею исследован*
            композиц* конверс* концепт* концепци* крупно масштаб* мелко микросерв* модульн* на_вид
            навигац* название названий накидай настроение незряч* нейминг новичка новичок образ
            обучен* оттенк* оформить оформл* персон* план план_недели плюсы по_полочкам подача
            подростк* пожил* поздравл* позиционир* предлож* презентац* придумай приоритет* путаем
            пуш пуши разложи_по разложил рассказ ребрендинг* референс* рисками риски роадмап*
            родител* сколько_слов слабовид* слоган* сочини спектакл* стенд_для стих стратег* схем*
            сценари* тексты тексты_для тема_для удобн* фактур* характер целев* цепля* этап*
            kullanıcı* stratég* tasarım* オススメ コンセプト ブランド ユーザー 主视 介绍 付费 优先
            优缺 会员 体系 信任 儿童 免费 减少 分期 动效 包装 友好 取舍 受众 口号 吉祥 名字 品牌
            响应 外卖 安抚 对比 层次 并发 引导 微服 思路 愿意 扩展 批评 拆分 搭配 故事 整体 文案
            文章 方向 方案 无障 易懂 权衡 极简 标语 步骤 气质 氛围 流程 温馨 漏斗 用户 着急 祝福
            空状 简洁 老人 老年 老用 节日 规划 解耦 解释 调性 起个 起名 路线 转化 轻松 边界 适合
            里程 长辈 问候 间距 领域 风格 高峰 개선 단순 브랜드* 사용자* 추천
        """,
        WEAK: """
            app apps better choice choose cleaner client clientes clients confus* conseil*
            customer* feedback flow friendly idea* improve* look mejor* melhor* miglior* minimal
            mobile modern people phone phones propon* propose* reader* reasons recommend* should
            simple style suger* suggest* user users verbesser* visitors write
            вариант* границ* заказчик* идеи клиент* лучше люди людям посовет* совет* стил*
            структур* улучш*
            améliorer 学生 客户 应该 建议 推荐 改进 更好 移动 首页
        """,
    },
}
"""The words of design and of planning that tell with and without a picture."""

THINGS: Vocabulary = {
    DESIGN: {
        STRONG: """
            design designs interfaccia interfaz layout* leiaute maquette* mise_en mockup* palette*
            tipograf* typeface* typograph*
            верстк* вёрстк* дизайн* интерфейс* макет* палитр* прототип* типограф* фигм*
            デザイン フォント レイアウト 交互 原型 字体 布局 排版 海报 界面 视觉 配色 디자인*
            레이아웃*
        """,
        GOOD: """
            animation* booklet botones bouton* brochure* carattere checkout color colore* colori
            colors colour colours contrast cores couleur* css_only dark_mode dark_theme dashboard*
            diagram* farbe* flyer font fonts grafica hero hud icon icono* icons landing logo
            logotype menus navbar navigation packaging poster* responsive schaltfl* schrift*
            sidebar slide slides spacing ui worksheet
            афиш* баннер* бренд* вывеск* дашборд* диаграм* иконк* иллюстр* кнопк* контраст*
            лендинг* логотип* меню онборд* отступ* плакат* пользова* сетк* цвет* шрифт* экран*
            botão botón botões ícone* アイコン ボタン 主题 图标 字号 导航 弹窗 按钮 插画 栅格 版面
            阴影 颜色 글꼴 버튼 색상 화면
        """,
        WEAK: """
            align* banner button buttons card cards carousel column* cover desktop ekran* footer
            form forms grid header interfaces margin menu modal padding page pages pagina pantalla
            screen screens section seite settings strony tablet tabs tela tooltip*
            карточк* мобильн* страниц* текст форм*
            página écran 卡片 页面
        """,
    },
}
"""Words for what a picture of ours shows anyway: with one, they tell little."""

BEHOLD: Vocabulary = {
    VISION: {
        FAINT: """
            are auf can_you chart dans every give in in_the in_this just map me on on_the on_this
            out sulla sur table there
            в в_этом на на_этом с
            一下 上的
        """,
        STRONG: """
            according_to alt_text alternative_text are_any are_there are_visible as_is as_latex
            as_shown as_text at_which bbox bboxes bounding_box bounding_boxes combien coordenadas
            coordinates coordonn* copy_out credited crop_to cuanto detect* digitise digitize dit_le
            dov elenca find_all find_the gdzie hangi hoeveel how_long how_many how_much ile
            ile_jest in_which is_anything is_the is_there is_visible is_written koordinat* latex
            lees lies_den list_all list_every list_the list_them locate make_out model_is name_all
            name_the nerede no_opinions note_down ocr on_which pixel_box pixel_coordinates
            plain_text polygon polygons przeczytaj qu_est qual quale quando quantas quante quanti
            quantos que_dit que_texto quel quel_est quelle quelle_heure quels read_me read_off
            read_out read_the skilky spell_out steht_auf tallest transcr* type_out value_of
            verbatim waar wann was_steht welke what_color what_colour what_does what_is what_kind
            what_level what_number what_s what_time where_are where_is which_pin who_is
            width_height wie_viele wo word_for write_down x_y
            в_какой в_каком во_сколько выведи выпиши где_на де есть_ли зачитай какая_цена
            какого_цвета какое_значение какой_номер координат* кто_на кто_это на_каком надписей
            назови назовите найди найдите напечатан* написано опиши опишите перенеси перечень
            перечисл* показывает_ма прочита* прочти прямоугольник* рамк* распозна* серийник*
            серийный сколько сколько_стоит скільки составь_список считай_номер транскриб* что_за
            что_изображено что_лежит что_на что_написано что_это
            cuál cuántas cuánto cuántos heißt hur_många kaç kaç_tane läs où_est qué_hay qué_hora
            qué_pone vad_står wie_heißt 一列 一行 价格 位置 写的 写真 写着 几个 几号 几张 几点 几行
            列出 叫什 号码 哪一 哪种 哪里 图上 图中 图里 圈出 在做 在哪 在干 坐标 型号 多少 干什
            念一 意思 打出 找出 抄一 抄下 描述 提取 文字 日期 时间 是什 是多 有几 框出 检测 牌子
            电话 看板 第一 第三 第二 第几 表示 识别 读出 读取 转录 转成 边框 选中 金额 글자 날짜
            라고 몇개 몇시 무엇 보이 사진 숫자 어디 언제 인식 읽어 적혀 적힌 좌표 찾아
        """,
        GOOD: """
            amount annotate* aparecem background barcode bottom_right brand chart_show checked
            click closed color_is coords copy corner count count_the date dates datum describe
            displayed dove drawn elements encontre encuentra exactly extract* extrae extraia face
            faces film_auf find finde foreground greyed handwritten highlighted holding horaires
            horario identify jakie just_the label label_text labels lee leggi leia license lis list
            lista liste lit located location logo_name map_key marked name names number numbers
            object objects ocupadas onde only_the open people_are person plate position positions
            preise price prices printed pris prix qr quais quali read recogni* regions row rows
            says selected serial show shown shows sitting standing steht sticker tag testo texte
            texto ticked time times titel title titles titoli top_left total trouve trova
            upper_left values visibili visible wearing welche welcher what_are where which
            which_one who written
            активн* верни весах видишь видно вижу вкладка время выделен* вытащи где дата дату
            держит значение извлеки изображен* изображён* какая какие какое какой каком карточек
            колич* крестик кто лежат лежит надпис* названия найти наклейк* нарисован* находится
            номер обведи облачк* отмечен* перепиши_текст подпис* покажи показан* показыв* предметы
            расписание реплику рядом сверху слева слева_направо список справа стоит термометр*
            указан* фамилии цвета цена цену цифр* элемент* язык языке які
            dónde horário où qué_dice テキスト 元素 内容 右上 右边 哪个 哪些 少钱 左上 左边 数字
            文本 显示 查找 标注 白板 看到 表格 这张 텍스트*
        """,
        WEAK: """
            bild bildschir* box boxes captura capture image imagem imagen immagine photo photograph
            picture schermata screen screenshot see sign state status text texts value what
            изображ* картинк* поле поля скрин скрине скриншот* снимк* фото
            スクリーンショット 什么 图片 屏幕 截图 照片 画像 画面 스크린샷* 이미지*
        """,
    },
    DESIGN: {
        FAINT: """
            be first here_s how two will
            и как ли не
            这个
        """,
        STRONG: """
            a_fresh acha achas advice any_problems audit avis brutal cambiar* cambieresti
            changerais communicate convey cosa_cambieresti cosa_ne critici* critique deine_meinung
            falta feedback findest gut_check honest honestly how_could how_would improve* lesbar
            look_like looks_like make_sense mejor* melhor* miglior* more_appealing mudari*
            next_iteration opinas opinion opinions penses pensi piensas poprawi* rate recommend*
            redesign rendre review roast second_opinion sell sells should_i should_we suggest
            suggestion* te_parece thoughts ti_sembra tips ton_avis too_big too_busy too_dark
            too_loud too_many too_much too_small trouves_tu verbesser* visible_enough votre_avis
            was_fehlt what_should what_works wirkt would_make would_you you_think your_opinion
            your_take
            аудит взгляни впечатлен* глянь думаєш заметн* змінив кажется как_бы как_сделать
            как_тебе критик* лучше мелко мнение можно_ли на_твою не_так не_читается нрав* оставить
            оцени* ощущен* перегруж* подать покращ* поліпш* понятна понятно_ли поправить посовет*
            разбери свежим слишком слишком_ли совет* согласен стоит_ли так_с твое_мнение
            твоё_мнение убедит убрать улучш* цепляет чище что_думаешь что_можно что_не
            améliorer co_sądzisz hältst ne_düşünüyorsun opinión quoi_améliorer sądzisz tu_opinión
            was_hältst würdest zmienić アドバイス 不会 不足 优化 会不 你会 你觉 你选 删掉 单调 合适
            吸引 哪张 够不 太啰 太挤 太素 太花 太跳 好不 好看 好认 密度 建议 怎么 意见 批评 拥挤
            改善 改进 显得 更好 更高 杂乱 毛病 看法 精简 舒适 觉得 评价 适合 选哪 随便 顺眼 高级
            개선 알려 어때 어떻 어울
        """,
        GOOD: """
            accueillante against alarming appeal* arranged attractive balance balance_between
            balanced beautiful besser better bien bonito boring busy change cheap childish claro
            cleaner clear clutter* comfortable comment compare composition confus* consistent
            convince convincing could cramped critical crowded darker dead direction does_it
            does_this draft drop easier easy elegant enough entiende feel feeling feels fight
            first_impression fix_the flat funciona glaring grasp gut hard_to hate hates impression
            inconsistent instead keep leave_out lost mal misread mistakes modern nicer noise noisy
            pass prefer premium premium_feel present prettier pretty prioritize problems proud
            readable rearrange redraw referee remove respectful restructure sceptical schlecht
            serious severity should simplify solve stronger struggle tapping techy tension tidy too
            trustworthy ugly unclear understand understandable weak weaker welcoming why wordy
            works_for worse worth_it would wrong
            замен* зачем изменил* красив* меня* насколько плох* поменя* понятн* продает продаёт
            слаб* сравни* теря* удобн* усил* хорош* цепля* читаем*
            两版 哪版 太多 对比 挑挑 清晰 突出 舒服
        """,
    },
    CODE: {
        GOOD: """
            code component convert_to css fieldset flutter html implement into_html jsx markup
            my_code react rebuild recreate semantic swiftui tailwind view write_the
            верстку вёрстку код компонент сверстай сверстать
            代码 实现 生成 组件
        """,
    },
}
"""Words that tell only in a conversation with a picture: to look, or to judge, or to rebuild."""

HABITS: Vocabulary = {
    CODE: {
        FAINT: """
            also c cannot does here how_can inside my n pourquoi version warum why wrong x
            где почему правильно
            perché 为什 这个 问题
        """,
    },
    DEVOPS: {
        FAINT: """
            after after_a after_the all depuis desde dopo down every failed fails full is_down
            midnight nach night safe safely since tonight what_do
            ночью после сразу
            之后 老是
        """,
    },
    DESIGN: {
        FAINT: """
            about and_why chi good help_me people quelles team their they three want want_to wants
            wer what_would who words would
            для три
            什么 应该
        """,
    },
}
"""How people speak of each kind of work, learned from the tuning set; it tells next to nothing."""
